cimport cython
from linter.pattern cimport Hit
from linter.text cimport Folded

@cython.locals(hit=Hit)
cpdef bint is_too_weak(tuple match)
cpdef bint is_swallowed(Hit hit, Folded folded)
@cython.locals(start=int, end=int, token=str, longer=bint, same=bint)
cpdef bint _is_swallowed(Hit hit, Folded folded)
@cython.locals(denial=Hit)
cpdef bint is_denied(tuple match, hits, Folded folded)
@cython.locals(part=Hit)
cpdef bint _is_part(Hit denial, tuple match)
@cython.locals(first=Hit, last=Hit, part=Hit, start=int, end=int, distance=int)
cpdef bint _denies(Hit denial, tuple match, Folded folded)
@cython.locals(after=Hit, last=Hit, end=int)
cpdef bint is_forbidden(tuple match, hits, Folded folded)
@cython.locals(warning=Hit, first=Hit, last=Hit, start=int, end=int, low=int, high=int)
cpdef bint is_warned(tuple match, hits, Folded folded)
@cython.locals(echo=Hit, first=Hit, start=int)
cpdef bint is_asked_back(tuple match, hits, Folded folded)
cpdef int _gap(Folded folded, int start, int end)
@cython.locals(first=int, last=int, low=int, high=int, plain=str, gaps=bytes)
cpdef list tokens_around(Folded folded, int start, int end)
