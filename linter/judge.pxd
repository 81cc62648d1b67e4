cimport cython
from linter.pattern cimport Hit
from linter.scan cimport Hits
from linter.text cimport Folded

cdef class Match:
    cdef readonly object rule
    cdef readonly tuple hits
    cdef readonly int start
    cdef readonly int end
    cdef readonly tuple verdicts
    cdef readonly str verdict

cdef class Scene:
    cdef readonly object message
    cdef public object reading
    cdef readonly int offset
    cdef readonly str category
    cdef readonly str brand

cdef class Court:
    cdef readonly object lexicon
    cdef readonly tuple platforms
    cdef object read
    cdef list rejections
    cdef dict _heard
    @cython.locals(confirmed=list, ways=list, found=list)
    cpdef list matches(self, Scene scene, rule, find, patterns)
    cpdef bint _is_asked(self, Scene scene, rule, find)
    cpdef bint _fits(self, Scene scene, find)
    cpdef bint _could_fit(self, Scene scene, find)
    cpdef bint _could_be_said(self, Scene scene, str who, patterns)
    cpdef bint _context_fits(self, Scene scene, find)
    cpdef bint _said(self, Scene scene, str who, patterns)
    @cython.locals(match=tuple)
    cpdef bint _matches_any(self, patterns, reading)
    @cython.locals(confirmed=list, first=Hit, last=Hit, folded=Folded, start=int, end=int, match=tuple)
    cpdef list _confirmed(self, Scene scene, rule, find, list ways, tuple verdicts)
    @cython.locals(folded=Folded, hits=Hits, hit=Hit)
    cpdef str _reason(self, Scene scene, rule, find, tuple match, int start, int end)
    cpdef str _excused(self, reading, unless, tuple match)
    @cython.locals(gaps=bytes, head=Hit, tail=Hit, low=int, high=int, first=int, last=int, distance=int, between=int, reach=int, other=tuple)
    cpdef bint _nearby(self, reading, pattern, tuple match)

@cython.locals(hit=Hit)
cpdef bint _is_inside(int start, int end, tuple match)
@cython.locals(hit=Hit)
cpdef bint _is_whole(tuple match, Folded folded)
