cimport cython

cdef class Hit:
    cdef readonly int start
    cdef readonly int end
    cdef readonly str concept
    cdef readonly str spelling
    cdef readonly str how
    cdef readonly bint weak
    cdef readonly bint word

cdef class _Search:
    cdef object pattern
    cdef tuple items
    cdef list options
    cdef bytes gaps
    cdef int start
    cdef int end
    cdef int limit
    cdef int left
    cdef readonly list found
    @cython.locals(gap=int, last=int, distance=int, hit=Hit, previous=Hit)
    cpdef go(self, int index, tuple before)
    @cython.locals(first=Hit, last=Hit)
    cpdef _keep(self, tuple match)

@cython.locals(hit=Hit, found=list)
cpdef list _options(item, hits)

@cython.locals(search=_Search, options=list, found=list)
cpdef list matches(pattern, hits, folded, int start, int end)
