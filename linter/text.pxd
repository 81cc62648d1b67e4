cimport cython

cpdef int strongest(bytes gaps, Py_ssize_t low, Py_ssize_t high)

cdef class Folded:
    cdef readonly str original
    cdef readonly str plain
    cdef object _align
    cdef tuple _at
    cdef bytes _gaps
    cpdef object _aligned(self)
    @cython.locals(at=tuple, original=str, stop=Py_ssize_t)
    cpdef tuple original_span(self, Py_ssize_t start, Py_ssize_t end)
    cpdef int break_within(self, Py_ssize_t start, Py_ssize_t end)
