cimport cython

cdef class Words:
    cdef tuple _state
    cdef str _firsts
    cdef object _cuts
    cdef bytes _packed
    cdef double _log_total
    cdef dict _groups
    @cython.locals(found=list, done=int)
    cpdef tuple cut(self, str text)
    @cython.locals(ends=list, start=int, letters=int, end=int)
    cpdef _cut(self, str run, list found)
    @cython.locals(length=int, start=int, stop=int, end=int, longest=int, found=bint, best=double, score=double, weights=dict, scores=list, ends=list)
    cpdef list _ends(self, str run)
