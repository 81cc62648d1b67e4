cimport cython
from linter.pattern cimport Hit
from linter.terms cimport Term
from linter.text cimport Folded

cdef class Hits:
    cdef object _scanner
    cdef Folded _folded
    cdef dict _made
    cdef object _places
    cdef object _raw
    cdef str _sound
    cdef list _spans
    cdef list _extra
    cpdef list get(self, str name)
    cpdef bint could(self, pattern)
    cpdef list _shaped(self, str name)
    @cython.locals(hit=Hit, term=Term, start=int, end=int)
    cpdef list _spelled(self, str name)

@cython.locals(shield=Hit)
cpdef bint _is_shielded(Hit hit, list shields)
@cython.locals(place=tuple, known=Hit)
cpdef _keep(Hit hit, Term term, dict found, list shields)
@cython.locals(text=str, heard=bint, strongest=int, weak=bint, how=str)
cpdef Hit _hit(Term term, int start, int end, Folded folded, list spans)
@cython.locals(count=int, char=Py_UCS4)
cpdef int _latin_letters(str text)
cpdef bint _is_half_latin(str text)
