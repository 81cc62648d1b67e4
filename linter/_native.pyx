# distutils: language=c++
# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The compiled part: reads texts and tells which patterns could match them, on numbers alone.

Characters are known by their code, spellings by their place among the strings of the lexicons, concepts and patterns by
their place in the tables that `prefilter` makes. `Patterns.could` says no only where `judge` would find nothing; what it
lets through is judged in Python as if nothing had been told. Where this file was not compiled, everything is judged.

All memory is bounded: a text of more characters, places or ways than fit here is not told but left to Python. Nothing
calls into Python between the first note of a text and its last, so that threads may share the tables.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_FromKindAndData
from libc.stdlib cimport calloc, free
from libcpp.vector cimport vector

ctypedef unsigned char u8
ctypedef unsigned short u16
ctypedef unsigned int u32
ctypedef unsigned long long u64

cdef enum:
    MOST = 1536  # characters of a text
    MOST_PLACES = 8192  # places where concepts are met
    MOST_ENDS = 256  # ways a pattern may have matched so far
    MOST_FOUND = 512  # patterns that could match
    MOST_SHIELDS = 64
    LEARNING = 2048  # texts after which the rarest item of every pattern is known
    CODES = 0x110000

cdef enum:  # what a folded character is; `characters` has the same bits
    LETTER = 1
    DIGIT = 2
    UNIT = 4
    COUNT = 8
    FILLER = 16
    ODD = 32
    DECIMAL = 64
    FIVE = 256  # digits in a row; words that mark a shape have the bits above
    TEN = 512
    ELEVEN = 1024
    WORD = 32768  # letters and digits, five in a row

cdef enum:  # what a character reads as
    UNKNOWN = 0
    ONE = 1
    NOTHING = 2
    SEVERAL = 3

cdef enum:
    SPACE = 2  # a break
    JOINS = 16  # a character that reads as nothing: letters go on behind it
    VIEW = 3  # of a term: how it is read, in two bits
    PLAIN = 0
    SOUND = 1
    MIXED = 2
    WEAK = 4
    EXCEPTS = 16


# --- strings ---------------------------------------------------------------------------------------------------------

cdef struct Node:
    u32 told  # a bit for every child, by its character: most that are asked for are not there
    u32 offset  # where the table of its children begins
    u32 mask  # the size of that table, less one
    int end  # the string that ends here, or -1


cdef inline u32 spread(u32 number) noexcept:
    return number * 0x9E3779B1U >> 16


cdef inline u32 step(const Node *here, const u64 *slots, u32 number) noexcept:
    """Return the node behind a node, by a character's id; 0: there is none."""
    cdef u32 place = spread(number), left
    cdef u64 slot
    if not here.told >> (place & 31) & 1:
        return 0
    left = here.mask
    place &= here.mask
    slot = slots[here.offset + place]
    while slot:
        if slot >> 32 == number:
            return <u32>slot
        if not left:
            return 0
        left -= 1
        place = (place + 1) & here.mask
        slot = slots[here.offset + place]
    return 0


@cython.final
cdef class Trie:
    """All strings, told from any place of a text: a node and a character give the next node.

    The node of a string's first character has that character's id: the nodes asked for most lie close together.
    """

    cdef u16 *ids  # by code; 0: in no string
    cdef vector[Node] nodes
    cdef vector[u64] slots  # a child: the character's id, then its node; 0: free
    cdef size_t width  # how many ids there are

    def __cinit__(self):
        self.ids = <u16 *>calloc(CODES, sizeof(u16))
        if self.ids == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.ids)

    def __init__(self, list texts):
        """A string's number is its place among `texts`."""
        cdef u32 nodes, node
        cdef u64 key, at, last
        cdef Py_ssize_t place
        cdef str text
        chars = sorted({char for text in texts for char in text})
        total = sum(map(len, texts)) + len(chars) + 1
        if len(chars) >= 0xFFFF or total >= 1 << 31:
            raise OverflowError(f"{len(chars)} different characters are too many")
        for place, char in enumerate(chars, 1):
            self.ids[<u32>ord(char)] = place
        nodes = self.width = len(chars) + 1
        last = (1 << (2 * total).bit_length()) - 1
        cdef vector[u64] edges = vector[u64](last + 1)  # node and id; 0: free
        cdef vector[u32] after = vector[u32](last + 1)
        cdef vector[int] ends = vector[int](<size_t>total, -1)
        for place, text in enumerate(texts):
            node = self.ids[<u32>ord(text[0])]
            for char in text[1:]:
                key = <u64>node << 16 | self.ids[<u32>ord(char)]
                at = key * 0x9E3779B97F4A7C15ULL >> 29 & last
                while edges[at] and edges[at] != key:
                    at = (at + 1) & last
                if not edges[at]:
                    edges[at], after[at] = key, nodes
                    nodes += 1
                node = after[at]
            ends[node] = place
        self.nodes = vector[Node](nodes)
        for node in range(nodes):
            self.nodes[node].end = ends[node]
        self.lay(edges, after)

    cdef void lay(self, vector[u64] &edges, vector[u32] &after) noexcept:
        """Give every node a table of its own, of twice as many places as it has children: what is near stays near."""
        cdef size_t at, used = 1  # place 0 stays free
        cdef u32 node, number, size, place
        cdef vector[u32] children = vector[u32](self.nodes.size())
        for at in range(edges.size()):
            if edges[at]:
                children[edges[at] >> 16] += 1
        for node in range(self.nodes.size()):
            if children[node]:
                size = 1
                while size < children[node] or (size > 1 and size < 2 * children[node]):
                    size *= 2
                self.nodes[node].offset, self.nodes[node].mask = used, size - 1
                used += size
        self.slots = vector[u64](used)
        for at in range(edges.size()):
            if not edges[at]:
                continue
            node, number = <u32>(edges[at] >> 16), <u32>(edges[at] & 0xFFFF)
            self.nodes[node].told |= <u32>1 << (spread(number) & 31)
            place = spread(number) & self.nodes[node].mask
            while self.slots[self.nodes[node].offset + place]:
                place = (place + 1) & self.nodes[node].mask
            self.slots[self.nodes[node].offset + place] = <u64>number << 32 | after[at]


cdef struct Place:
    int concept
    u32 term
    int start
    int end


@cython.final
cdef class Spellings:
    """The terms of the lexicons, and the words that mark a shape, by the strings that spell them."""

    cdef Trie trie
    cdef object terms
    cdef dict numbers  # of the concepts
    cdef list made  # the Terms that were asked for
    cdef vector[u32] cuts  # by string: its terms
    cdef const u32[::1] concepts  # by term
    cdef const u8[::1] flags  # by term
    cdef vector[u32] marks  # by string: bits of the shapes that it marks

    def __init__(self, terms, list words):
        """`words` are pairs of a word and the bit of the shape that it marks."""
        cdef list texts = [terms.text(number) for number in range(len(terms))]
        cdef dict places = {text: number for number, text in enumerate(texts)}
        for word, _ in words:
            if word not in places:
                places[word] = len(texts)
                texts.append(word)
        cuts, self.concepts, self.flags = terms.columns()
        self.cuts = list(cuts)
        self.cuts.resize(<size_t>len(texts) + 1, <u32>len(self.flags))
        self.marks = vector[u32](<size_t>len(texts))
        for word, bit in words:
            self.marks[<size_t>places[word]] |= <u32>bit
        self.trie = Trie(texts)
        self.terms = terms
        self.numbers = {name: number for number, name in enumerate(terms.names)}
        self.made = [None] * len(self.flags)

    def places(self, str plain, str sound, bint spoken):
        """Return the terms that stand in the two views; `spoken`: those that are partly in Latin letters too."""
        return Places(self, plain, sound, spoken)

    cdef object term(self, u32 number):
        if self.made[number] is None:
            self.made[number] = self.terms.term(number)
        return self.made[number]


@cython.final
cdef class Places:
    """The terms that stand in a text, by concept; each is made when its concept is asked for."""

    cdef Spellings spellings
    cdef vector[Place] found

    def __init__(self, Spellings spellings, str plain, str sound, bint spoken):
        self.spellings = spellings
        self.add(plain, PLAIN, PLAIN)
        self.add(sound, SOUND, MIXED if spoken else SOUND)

    cdef add(self, str text, u8 view, u8 other):
        cdef int start, at, end, length = len(text)
        cdef u32 node, term
        cdef Trie trie = self.spellings.trie
        cdef Place place
        for start in range(length):
            node = trie.ids[<u32>text[start]]
            at = start
            while node:
                at += 1
                end = trie.nodes[node].end
                if end >= 0:
                    for term in range(self.spellings.cuts[end], self.spellings.cuts[end + 1]):
                        if self.spellings.flags[term] & VIEW in (view, other):
                            place.concept, place.term = self.spellings.concepts[term], term
                            place.start, place.end = start, at
                            self.found.push_back(place)
                if at == length:
                    break
                node = step(&trie.nodes[node], trie.slots.data(), trie.ids[<u32>text[at]])

    def __contains__(self, name):
        cdef int number = self.spellings.numbers.get(name, -1)
        cdef size_t at
        for at in range(self.found.size()):
            if self.found[at].concept == number:
                return True
        return False

    def get(self, name, default=()):
        """Return the terms of a concept that stand in the text, with the bounds of each in its view."""
        cdef int number = self.spellings.numbers.get(name, -1)
        cdef size_t at
        cdef list made = []
        for at in range(self.found.size()):
            if self.found[at].concept == number:
                made.append((self.spellings.term(self.found[at].term), self.found[at].start, self.found[at].end))
        return made


# --- texts -----------------------------------------------------------------------------------------------------------

cdef struct Char:
    u32 read  # the character it reads as
    u32 sound  # how that sounds
    u16 plain_id  # that character in the trie
    u16 sound_id
    u16 kinds
    u8 level  # how strong a break it is, where it reads as nothing
    u8 state


cdef struct Page:  # a folded text
    int length
    int first  # its first character that is in no filler
    int last  # one after the last
    int words  # how many such characters: at most as many as the message is long without the fillers around it
    u32 marks  # what could be there of what is told by its shape
    int units  # of the view of sounds: syllables, and characters that have no sound
    bint spoken  # some syllables are written in Latin letters
    u32 plain[MOST]
    u16 plain_ids[MOST + 1]  # 0 behind the last
    u32 sound[MOST]
    u16 sound_ids[MOST + 1]
    u16 kinds[MOST]
    u8 gaps[MOST]
    short origin[MOST]  # where in the text it was read
    short odd[MOST + 1]  # how many odd characters stand before
    short at[MOST + 1]  # where a unit begins, where some are spoken
    short letters[MOST + 1]  # how many Latin letters stand before


cdef inline bint is_digit(u32 code) noexcept:
    return c'0' <= code <= c'9'


cdef inline bint is_latin(u32 code) noexcept:
    return c'a' <= code <= c'z'


cdef bint whole(const Page *page, int start, int end) noexcept:
    """Is a spelling that begins or ends in a Latin letter or digit not cut from a longer word or number?"""
    cdef u32 first = page.plain[start], last = page.plain[end - 1], before
    cdef int digits = 0
    cdef bint goes_on = end < page.length and not page.gaps[end]
    if start > 0 and not page.gaps[start]:
        before = page.plain[start - 1]
        if is_digit(first) and is_digit(before):
            return False
        if is_latin(first) and (is_latin(before) or (is_digit(before) and end - start < 3)):
            return False
    if goes_on and is_digit(last) and is_digit(page.plain[end]):
        return False
    if end - start == 1 and is_latin(first):
        while digits < 5 and end + digits < page.length and page.kinds[end + digits] & DECIMAL:
            digits += 1
        if 1 <= digits <= 4:
            return False
    return not (goes_on and is_latin(last) and is_latin(page.plain[end]))


@cython.final
cdef class Chars:
    """What is known of every character; learnt when it is first met."""

    cdef Char *known  # by code
    cdef Trie trie
    cdef object learn
    cdef object spell
    cdef object joints

    def __cinit__(self):
        self.known = <Char *>calloc(CODES, sizeof(Char))
        if self.known == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.known)

    def __init__(self, Spellings spellings, learn, spell, joints):
        """`learn(char)` returns what a character reads as, how strong a break it is, how it sounds, and its kinds.

        `spell(letters)` returns the syllables that letters read as: the sound and the number of letters of each;
        `joints(text)` the places of line breaks that only separate.
        """
        self.trie = spellings.trie
        self.learn, self.spell, self.joints = learn, spell, joints

    cdef int meet(self, u32 code) except -1:
        """Learn a character."""
        cdef Char *char = &self.known[code]
        read, char.level, sound, char.kinds = self.learn(chr(code))
        if read is None:
            char.state = SEVERAL
        elif not read:
            char.state = NOTHING
        else:
            char.read, char.sound = ord(read), ord(sound)
            char.plain_id, char.sound_id = self.trie.ids[char.read], self.trie.ids[char.sound]
            char.state = ONE
        return 0

    cdef bint fold(self, str text, int offset, Page *page) except -1:
        """Fold a text of which `offset` characters stand before the message; return whether it can be told from the table."""
        cdef int length = len(text), index, n = 0, odd = 0, digits = 0, most_digits = 0, word = 0
        cdef u32 code, before = 0
        cdef u8 pending = 0, level
        cdef const Char *char
        cdef object apart = None
        if length >= MOST:
            return False
        page.last = page.words = 0
        page.first = -1
        page.marks = 0
        for index in range(length):
            code = <u32>text[index]
            char = &self.known[code]
            if char.state != ONE:
                if char.state == UNKNOWN:
                    self.meet(code)
                if char.state == SEVERAL:
                    return False
                if char.state == NOTHING:
                    level = char.level & 15
                    word = word + 1 if char.level & JOINS else 0
                    if word >= 5:
                        page.marks |= WORD
                    if code == 10:
                        if apart is None:
                            apart = self.joints(text)
                        if index in apart:
                            level = SPACE
                    pending = max(pending, level)
                    continue
            page.plain[n], page.plain_ids[n], page.sound_ids[n] = char.read, char.plain_id, char.sound_id
            page.kinds[n], page.origin[n], page.gaps[n] = char.kinds, index, pending
            page.marks |= char.kinds & ~<u32>UNIT
            if before & COUNT:
                page.marks |= char.kinds & UNIT
            digits = digits + 1 if char.kinds & DIGIT else 0
            most_digits = max(most_digits, digits)
            word = word + 1 if char.kinds & LETTER or is_digit(char.read) else 0
            if word >= 5:
                page.marks |= WORD
            before = char.kinds
            pending = 0
            n += 1
            if not char.kinds & FILLER:
                page.last = n
                if index >= offset:
                    page.words += 1
                    if page.first < 0:
                        page.first = n - 1
        page.length = page.units = n
        page.plain_ids[n] = page.sound_ids[n] = 0
        if page.first < 0:
            page.first = n
        page.spoken = False
        if page.marks & ODD:
            for index in range(n):
                page.odd[index] = odd
                odd += (page.kinds[index] & ODD) != 0
            page.odd[n] = odd
        if most_digits >= 5:
            page.marks |= FIVE | (TEN if most_digits >= 10 else 0) | (ELEVEN if most_digits >= 11 else 0)
        if page.marks & LETTER:
            self.hear(text, page)
        return True

    cdef void sound(self, str text, Page *page) noexcept:
        """Fill the view of sounds as long as nothing in it is spoken."""
        cdef int index
        for index in range(page.length):
            page.sound[index] = self.known[<u32>text[page.origin[index]]].sound

    cdef hear(self, str text, Page *page):
        """Read runs of Latin letters as pinyin. A run is cut at breaks unless its letters stand one by one."""
        cdef int start = 0, end, cuts, at, low
        cdef list spoken = []
        while start < page.length:
            if not page.kinds[start] & LETTER:
                start += 1
                continue
            end, cuts = start + 1, 0
            while end < page.length and page.kinds[end] & LETTER:
                cuts += page.gaps[end] != 0
                end += 1
            if cuts == end - start - 1:
                cuts = 0
            low = start
            for at in range(start + 1, end + 1):
                if at == end or (cuts and page.gaps[at]):
                    syllables = self.spell(PyUnicode_FromKindAndData(4, &page.plain[low], at - low))
                    if syllables:
                        spoken.append((low, syllables))
                    low = at
            start = end
        if spoken:
            self.sound(text, page)
            self.speak(page, spoken)

    cdef speak(self, Page *page, list spoken):
        """Put syllables in the view of sounds for the letters that spell them. What is put in lies before what is read."""
        cdef int unit = 0, at = 0, index, low, length, letters = 0
        cdef u32 code
        for low, syllables in [*spoken, (page.length, ())]:
            while at < low:
                page.sound[unit], page.sound_ids[unit], page.at[unit] = page.sound[at], page.sound_ids[at], at
                unit += 1
                at += 1
            for sound, length in syllables:
                code = ord(sound)
                page.sound[unit], page.sound_ids[unit], page.at[unit] = code, self.trie.ids[code], at
                unit += 1
                at += length
        page.units, page.at[unit], page.sound_ids[unit], page.spoken = unit, at, 0, True
        for index in range(page.length):
            page.letters[index] = letters
            letters += page.kinds[index] & LETTER
        page.letters[page.length] = letters

    def views(self, str text):
        """Return a text's plain view, the origins of its characters, the breaks before them, and its view of sounds.

        Where syllables are written in Latin letters the plain spans of the sounds come last, else None. None for a text
        that cannot be told from the table.
        """
        cdef Page page
        cdef Py_ssize_t index
        cdef list spans = None
        if not self.fold(text, 0, &page):
            return None
        if not page.spoken:
            self.sound(text, &page)
        else:
            spans = [(page.at[index], page.at[index + 1]) for index in range(page.units)]
        return (
            PyUnicode_FromKindAndData(4, page.plain, page.length),
            tuple([page.origin[index] for index in range(page.length)]),
            PyBytes_FromStringAndSize(<char *>page.gaps, page.length),
            PyUnicode_FromKindAndData(4, page.sound, page.units),
            spans,
        )


# --- patterns --------------------------------------------------------------------------------------------------------

cdef struct Spelt:  # what a string spells that a pattern asks for: codes, one view after the other
    u32 at
    u16 seen
    u16 heard
    u16 mixed
    u16 shields
    u32 marks


cdef struct Item:
    int names  # twice a concept, and 1 where only a strong place counts
    int names_end
    int before  # how far it may begin behind the start of the message
    int behind  # how far it may end before the message does
    int reach  # how far it may begin behind the end of the one before
    bint adjacent  # nothing may stand unseen between


cdef struct Group:  # of which one must be there somewhere
    u32 marks
    int names
    int names_end


cdef struct Pattern:
    int items
    int items_end
    int groups
    int groups_end
    int limit  # the strongest break between two items
    int most  # words of the message
    bint talking  # only after other turns
    u32 tried


cdef struct Concept:
    u32 epoch  # when it was last met
    int last  # its last place
    u32 count  # texts in which it was met
    int anchors  # patterns to try where it is met
    int anchors_talking  # those of them that are tried only after other turns
    int anchors_end


cdef struct Met:
    int start
    int end
    int before  # the place before it, of the same concept
    bint strong


cdef struct Shield:
    int concept
    int start
    int end


@cython.final
cdef class Patterns:
    """Patterns as items that must all be met, in order and near enough."""

    cdef Chars chars
    cdef Trie trie
    cdef vector[Node] nodes  # the trie's, without the strings that no pattern asks for
    cdef vector[u32] told  # by character: a bit for every one that a string goes on with; all, where it is a string itself
    cdef vector[Spelt] spelt  # by string
    cdef vector[u16] codes  # a concept, and 1 in the highest bit where it is weak
    cdef vector[Pattern] patterns
    cdef vector[Item] items
    cdef vector[Group] groups
    cdef vector[int] names
    cdef vector[Concept] concepts
    cdef vector[int] anchors
    cdef int days  # the concept of spans of days
    cdef u32 texts  # how many were told
    # of the text at hand
    cdef u32 epoch
    cdef Met places[MOST_PLACES]
    cdef int many_places
    cdef Shield shields[MOST_SHIELDS]
    cdef int many_shields
    cdef vector[int] met  # concepts

    def __init__(self, Chars chars, Spellings spellings, list patterns, list common):
        """A pattern is (items, groups, strongest break, most words, only after other turns).

        An item is (concepts, those that must be strong, before, behind, reach, adjacent), a group (bits, concepts). The
        number after the last concept stands for spans of days. `common` is, by concept, a guess how often it is met.
        """
        cdef Pattern pattern
        cdef Item item
        cdef Group group
        self.chars, self.trie = chars, spellings.trie
        self.days = len(common) - 1
        if self.days >= 0x8000:
            raise OverflowError(f"{self.days} concepts are too many")
        self.concepts = vector[Concept](<size_t>len(common) + 1)  # the last one stands for no concept at all
        for items, groups, pattern.limit, pattern.most, pattern.talking in patterns:
            pattern.items, pattern.groups, pattern.tried = self.items.size(), self.groups.size(), 0
            for names, strong, item.before, item.behind, item.reach, item.adjacent in items:
                item.names = self.names.size()
                for name in names:
                    self.names.push_back(2 * name + (name in strong))
                item.names_end = self.names.size()
                self.items.push_back(item)
            for group.marks, names in groups:
                group.names = self.names.size()
                for name in names:
                    self.names.push_back(2 * name)
                group.names_end = self.names.size()
                self.groups.push_back(group)
            pattern.items_end, pattern.groups_end = self.items.size(), self.groups.size()
            self.patterns.push_back(pattern)
        self.ask(spellings)
        self.anchor(common)

    cdef ask(self, Spellings spellings):
        """Put down what every string spells that a pattern asks for."""
        cdef vector[bint] wanted = vector[bint](self.concepts.size())
        cdef vector[int] ends = vector[int](spellings.marks.size(), -1)
        cdef Spelt spelt
        cdef size_t text, node
        cdef u32 term, first, last
        cdef int name
        for name in self.names:
            wanted[name >> 1] = True
        for text in range(spellings.marks.size()):
            first, last = spellings.cuts[text], spellings.cuts[text + 1]
            spelt.at, spelt.marks = self.codes.size(), spellings.marks[text]
            spelt.seen = self.put(spellings, wanted, first, last, PLAIN)
            spelt.heard = self.put(spellings, wanted, first, last, SOUND)
            spelt.mixed = self.put(spellings, wanted, first, last, MIXED)
            spelt.shields = self.put(spellings, wanted, first, last, EXCEPTS)
            self.spelt.push_back(spelt)
            if self.codes.size() > spelt.at or spelt.marks:
                ends[text] = text
        self.nodes = self.trie.nodes
        for node in range(self.nodes.size()):
            if self.nodes[node].end >= 0:
                self.nodes[node].end = ends[self.nodes[node].end]
        for node in range(self.trie.width):
            self.told.push_back(0xFFFFFFFF if self.nodes[node].end >= 0 else self.nodes[node].told)

    cdef u16 put(self, Spellings spellings, vector[bint] &wanted, u32 first, u32 last, u8 asked):
        cdef u32 term
        cdef u16 count = 0
        cdef u8 flags
        for term in range(first, last):
            flags = spellings.flags[term]
            if wanted[spellings.concepts[term]] and (flags & EXCEPTS or flags & VIEW) == asked:
                self.codes.push_back(spellings.concepts[term] | (0x8000 if flags & WEAK and asked == PLAIN else 0))
                count += 1
        return count

    cdef anchor(self, common):
        """Choose of every pattern the item that is met least: where it is not met the pattern need not be tried."""
        cdef size_t number, concept
        cdef int item, name
        cdef Pattern pattern
        lists = [([], []) for _ in range(self.concepts.size())]
        for number in range(self.patterns.size()):
            pattern = self.patterns[number]
            rarest, least = [2 * len(common)], None
            for item in range(pattern.items, pattern.items_end):
                names = [self.names[name] for name in range(self.items[item].names, self.items[item].names_end)]
                often = sum([common[name >> 1] for name in names])
                if least is None or often < least:
                    rarest, least = names, often
            for name in rarest:
                lists[name >> 1][pattern.talking].append(number)
        self.anchors.clear()
        for concept in range(self.concepts.size()):
            self.concepts[concept].anchors = self.anchors.size()
            for number in lists[concept][0]:
                self.anchors.push_back(number)
            self.concepts[concept].anchors_talking = self.anchors.size()
            for number in lists[concept][1]:
                self.anchors.push_back(number)
            self.concepts[concept].anchors_end = self.anchors.size()

    def could(self, str text, int offset=0, bint talking=False):
        """Return the numbers of the patterns that could match a text, or None where that cannot be told.

        `offset` characters stand before the message itself; `talking`: there are other turns.
        """
        cdef Page page
        cdef int found[MOST_FOUND]
        cdef int count, index
        if not self.chars.fold(text, offset, &page):
            return None
        count = self.tell(&page, talking, found)
        if self.texts == LEARNING:
            self.anchor([self.concepts[concept].count for concept in range(self.days + 1)])
        if count <= 0:
            return () if count == 0 else None
        return sorted([found[index] for index in range(count)])

    cdef int tell(self, Page *page, bint talking, int *found) noexcept:
        """Put down the patterns that could match a page; return how many, or -1 for too many."""
        cdef int count = 0
        cdef size_t index
        cdef int concept
        self.texts += self.texts <= LEARNING
        self.epoch += 1
        if self.epoch == 0:  # once round
            for index in range(self.concepts.size()):
                self.concepts[index].epoch = 0
            for index in range(self.patterns.size()):
                self.patterns[index].tried = 0
            self.epoch = 1
        self.many_places = self.many_shields = 0
        self.met.clear()
        if page.marks & UNIT and not self.meet_days(page):
            return -1
        if not self.meet(page, page.plain_ids, page.length, False) or not self.meet(page, page.sound_ids, page.units, True):
            return -1
        self.met.push_back(self.days + 1)  # what is tried where nothing is met
        for concept in self.met:
            count = self.among(page, concept, talking, found, count)
            if count < 0:
                return -1
        return count

    cdef int among(self, const Page *page, int concept, bint talking, int *found, int count) noexcept:
        cdef const Concept *here = &self.concepts[concept]
        cdef int place, number
        for place in range(here.anchors, here.anchors_end if talking else here.anchors_talking):
            number = self.anchors[place]
            if self.patterns[number].tried == self.epoch:
                continue
            self.patterns[number].tried = self.epoch
            if self.fits(page, &self.patterns[number]):
                if count == MOST_FOUND:
                    return -1
                found[count] = number
                count += 1
        return count

    # --- what is met

    cdef bint meet(self, Page *page, const u16 *ids, int length, bint heard) noexcept:
        """Note where the strings of a view stand; return False where there are too many places."""
        cdef int start, at, end
        cdef u32 node
        cdef const Node *nodes = self.nodes.data()
        cdef const u64 *slots = self.trie.slots.data()
        cdef const u32 *told = self.told.data()
        for start in range(length):
            node = ids[start]
            if not told[node] >> (spread(ids[start + 1]) & 31) & 1:
                continue  # no string goes on like this; most end here
            at = start
            while node:
                at += 1
                end = nodes[node].end
                if end >= 0 and not self.note(page, &self.spelt[end], start, at, heard):
                    return False
                if at == length:
                    break
                node = step(&nodes[node], slots, ids[at])
        return True

    cdef bint note(self, Page *page, const Spelt *spelt, int start, int end, bint heard) noexcept:
        """Note what a string spells that stands here; return False where there are too many places."""
        cdef bint latin = False, strong
        cdef const u16 *codes = &self.codes[spelt.at]
        cdef int at
        if heard and page.spoken:
            start, end = page.at[start], page.at[end]
            latin = page.letters[end] > page.letters[start]
        if not heard:
            page.marks |= spelt.marks
        if (page.plain[start] < 128 or page.plain[end - 1] < 128) and not whole(page, start, end):
            return True
        if not heard:
            for at in range(spelt.seen):
                if not self.place(codes[at] & 0x7FFF, start, end, not codes[at] & 0x8000):
                    return False
            codes += spelt.seen + spelt.heard + spelt.mixed
            for at in range(spelt.shields):
                self.shield(codes[at], start, end)
            return True
        codes += spelt.seen
        strong = latin or (page.marks & ODD and page.odd[end] > page.odd[start])
        for at in range(spelt.heard + (spelt.mixed if latin else 0)):
            if not self.place(codes[at], start, end, strong):
                return False
        return True

    cdef inline bint place(self, int concept, int start, int end, bint strong) noexcept:
        cdef Concept *here = &self.concepts[concept]
        cdef Met *met = &self.places[self.many_places]
        if self.many_places == MOST_PLACES:
            return False
        if here.epoch != self.epoch:
            here.epoch, here.last = self.epoch, -1
            here.count += 1
            self.met.push_back(concept)
        met.start, met.end, met.strong, met.before = start, end, strong, here.last
        here.last = self.many_places
        self.many_places += 1
        return True

    cdef void shield(self, int concept, int start, int end) noexcept:
        """Note an innocent phrase: what stands inside it does not count. Where there are too many, some are not noted."""
        if self.many_shields < MOST_SHIELDS:
            self.shields[self.many_shields] = Shield(concept, start, end)
            self.many_shields += 1

    cdef bint shielded(self, int concept, const Met *met) noexcept:
        cdef int at
        for at in range(self.many_shields):
            if (
                self.shields[at].concept == concept
                and self.shields[at].start <= met.start
                and met.end <= self.shields[at].end
            ):
                return True
        return False

    cdef bint meet_days(self, const Page *page) noexcept:
        """Note where spans of days may stand: a number and what it counts, all ways to bound it."""
        cdef int index, start, end
        for index in range(1, page.length):
            if not page.kinds[index] & UNIT or not page.kinds[index - 1] & COUNT:
                continue
            for start in range(max(index - 3, 0), index):
                for end in range(index + 1, min(index + 4, page.length + 1)):
                    if not self.place(self.days, start, end, True):
                        return False
        return True

    # --- what fits

    cdef bint fits(self, const Page *page, const Pattern *pattern) noexcept:
        """Are all items of a pattern there, in order and near enough?"""
        cdef int at
        if page.words > pattern.most:
            return False
        for at in range(pattern.items, pattern.items_end):
            if not self.any_met(self.items[at].names, self.items[at].names_end):
                return False
        for at in range(pattern.groups, pattern.groups_end):
            if not page.marks & self.groups[at].marks and not self.any_met(self.groups[at].names, self.groups[at].names_end):
                return False
        return self.follow(page, pattern)

    cdef inline bint any_met(self, int first, int end) noexcept:
        cdef int name
        for name in range(first, end):
            if self.concepts[self.names[name] >> 1].epoch == self.epoch:
                return True
        return False

    cdef bint follow(self, const Page *page, const Pattern *pattern) noexcept:
        cdef int one[MOST_ENDS]
        cdef int other[MOST_ENDS]
        cdef int *ends = one
        cdef int *news = other
        cdef int *spare
        cdef int at, name, place, count = 0, new
        cdef const Item *item
        cdef const Met *met
        cdef const Concept *concept
        for at in range(pattern.items, pattern.items_end):
            item = &self.items[at]
            new = 0
            for name in range(item.names, item.names_end):
                concept = &self.concepts[self.names[name] >> 1]
                place = concept.last if concept.epoch == self.epoch else -1
                while place >= 0:
                    met = &self.places[place]
                    place = met.before
                    if self.names[name] & 1 and not met.strong:
                        continue
                    if met.start - page.first > item.before or page.last - met.end > item.behind:
                        continue
                    if at > pattern.items and not near(page, item, met.start, ends, count, pattern.limit):
                        continue
                    if self.many_shields and self.shielded(self.names[name] >> 1, met):
                        continue
                    if new == MOST_ENDS:
                        return True
                    news[new] = met.end
                    new += 1
            if not new:
                return False
            spare, ends, news, count = ends, news, ends, new
        return True


cdef bint near(const Page *page, const Item *item, int start, const int *ends, int count, int limit) noexcept:
    """May an item that starts here follow one that ended before?"""
    cdef int index, at
    for index in range(count):
        if not 0 <= start - ends[index] <= item.reach:
            continue
        if not item.adjacent:
            return True
        for at in range(ends[index], start + 1):
            if page.gaps[at] > limit:
                break
        else:
            return True
    return False
