cimport cython
from linter.measures cimport parse_time

cdef class Tally:
    cdef public long asked
    cdef public long answered
    cdef public long in_time
    cdef public object micros
    cdef public set buyers

cdef class Followed:
    cdef public object last
    cdef public object asked
    cdef public object shop
    cdef public object platform

cdef class Clocks:
    cdef public dict tallies
    cdef public long disordered
    cdef public long untimed
    cdef public object _measures
    cdef public dict _open
    cdef dict _robots
    cdef dict _today
    @cython.locals(followed=Followed, at=int)
    cpdef see_table(self, table, str platform)
    cpdef bint _is_automatic(self, table, int at)
    @cython.locals(tallies=list, tally=Tally, first=int, end=int, minute=int, most=int, within=cython.longlong, waited=cython.longlong)
    cpdef _close(self, session, Followed followed, answered)
