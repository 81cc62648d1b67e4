cdef class AgentRow:
    cdef object _table
    cdef int _at
    cdef object _origin
    cdef readonly object text
    cdef readonly object channel
    cdef readonly tuple context
    cdef readonly object role
