cdef class Term:
    cdef readonly str text
    cdef readonly str concept
    cdef readonly str spelling
    cdef readonly str view
    cdef readonly str how
    cdef readonly bint weak
    cdef readonly bint word
    cdef readonly bint excepts
