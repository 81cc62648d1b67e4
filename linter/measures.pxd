cpdef parse_time(str text)
