"""Damages files as disks, networks and attackers do; the same random source gives the same damage."""

import io
import json
import struct
import zipfile

EXTREMES = [0, 1, 2, 7, 255, 256, 65535, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**62, 2**63, 2**64 - 1]
VALUES = [0, -1, 1, 2, 7, 10**6, 10**12, -(2**63), 2**63, 1e308, 0.5, None, True, "", "x", [], {}, [[1]], ["a", {"b": 1}]]


class Damage:
    """A source of damaged copies of one file after another."""

    def __init__(self, random):
        self.random = random

    def mutant(self, content, others=()):
        """A damaged copy of `content`; `others` are files of the same kind, of which parts may be put in."""
        if zipfile.is_zipfile(io.BytesIO(content)) and self.chance(0.75):
            return self.damaged_archive(content, others)
        if content[:1] == b"\x08" and self.chance(0.5):
            return self.damaged_message(content)
        if content[8:9] == b"{" and self.chance(0.5):
            return self.damaged_header(content)
        if self.chance(0.3):
            return self.damaged_text(content)
        return self.damaged_bytes(content, others)

    def damaged_bytes(self, content, others=()):
        """One to eight of the damages below, at any place."""
        result = bytearray(content)
        for _ in range(self.random.choice([1, 1, 1, 2, 3, 8])):
            if len(result) < 16:
                break
            self.random.choice(self.damages)(self, result, others)
        return bytes(result)

    def flip(self, data, others):
        data[self.place(data)] ^= 1 << self.random.randrange(8)

    def overwrite(self, data, others):
        data[self.place(data)] = self.random.choice([0, 1, 0x7F, 0x80, 0xFF])

    def step(self, data, others):
        place = self.place(data)
        data[place] = (data[place] + self.random.choice([1, 2, 16, 0xFF, 0xF0])) % 256

    def number(self, data, others):
        """An extreme number where a length, an offset or a count may be."""
        width = self.random.choice([1, 2, 4, 8])
        place = min(self.place(data), len(data) - width)
        if self.chance(0.5):
            place = place // width * width
        order = "big" if self.chance(0.2) else "little"
        data[place : place + width] = (self.random.choice(EXTREMES) % 256**width).to_bytes(width, order)

    def truncate(self, data, others):
        if self.chance(0.4):
            del data[self.random.randrange(len(data)) :]

    def remove(self, data, others):
        place = self.place(data)
        del data[place : place + self.length()]

    def double(self, data, others):
        place = self.place(data)
        data[place:place] = data[place : place + self.length()]

    def move(self, data, others):
        source, target, length = self.place(data), self.place(data), self.length()
        data[target : target + length] = data[source : source + length]

    def zero(self, data, others):
        place, length = self.place(data), self.length()
        data[place : place + length] = bytes(len(data[place : place + length]))

    def splice(self, data, others):
        """The beginning of this file and the end of another one."""
        if others and self.chance(0.5):
            other = self.random.choice(others)
            cut = self.random.randrange(min(len(data), max(len(other), 1)))
            data[cut:] = other[cut:]

    damages = [flip, flip, overwrite, step, step, number, number, number, truncate, remove, double, move, zero, splice]

    def damaged_archive(self, content, others):
        """The archive with one damaged member and checksums that are right."""
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                members = {info.filename: archive.read(info) for info in archive.infolist()}
        except Exception:
            return self.damaged_bytes(content, others)
        if not members:
            return self.damaged_bytes(content, others)
        # Weights are most members of a PyTorch file, and the least interesting ones.
        names = sorted(members, key=lambda name: "/data/" in name)
        name = names[0] if self.chance(0.4) else self.random.choice(names)
        if self.chance(0.05):
            del members[name]
        else:
            members[name] = self.damaged_json(members[name]) if name.endswith(".json") else self.mutant(members[name])
        result = io.BytesIO()
        with zipfile.ZipFile(result, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data, zipfile.ZIP_DEFLATED if self.chance(0.2) else zipfile.ZIP_STORED)
        return result.getvalue()

    def damaged_json(self, content):
        """A JSON text with one or two values changed, removed or doubled."""
        try:
            root = json.loads(content)
        except ValueError:
            return self.damaged_bytes(content)
        for _ in range(self.random.choice([1, 1, 2])):
            places = list(self.places(root))
            if places:
                self.change(*self.random.choice(places), places)
        return json.dumps(root).encode()

    def places(self, value):
        for key, child in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            if isinstance(child, (dict, list)):
                yield from self.places(child)

    def change(self, parent, key, places):
        kind = self.random.randrange(6)
        if kind == 0:
            del parent[key]
        elif kind == 1:
            other, name = self.random.choice(places)
            parent[key] = json.loads(json.dumps(other[name]))
        elif kind == 2 and isinstance(parent, list):
            parent.insert(key, json.loads(json.dumps(parent[key])))
        else:
            parent[key] = self.random.choice(VALUES)

    def damaged_header(self, content):
        """A safetensors file whose header is changed and has the length that it says."""
        length = struct.unpack_from("<Q", content)[0]
        header = self.damaged_json(content[8 : 8 + length])
        return struct.pack("<Q", len(header)) + header + content[8 + length :]

    def damaged_text(self, content):
        """A word of a JSON text inside the file replaced, as long as before, so that the rest stays in place."""
        start = min((at for at in map(content.find, [b'{"class_name"', b'{"module"', b'{"name"']) if at >= 0), default=-1)
        if start < 0:
            return self.damaged_bytes(content)
        end = next((at for at in range(start, len(content)) if not 0x20 <= content[at] <= 0x7E), len(content))
        text = content[start:end]
        changed = self.damaged_json(text) if self.chance(0.6) else self.damaged_word(text)
        return content[:start] + changed[: len(text)].ljust(len(text)) + content[end:]

    def damaged_word(self, text):
        words = []
        start = None
        for at, byte in enumerate(text):
            if chr(byte) in ':,[]{} ':
                if start is not None:
                    words.append((start, at))
                start = None
            elif start is None:
                start = at
        if not words:
            return text
        begin, end = self.random.choice(words)
        if self.chance(0.3):
            other = self.random.choice(words)
            value = text[other[0] : other[1]]
        else:
            value = json.dumps(self.random.choice(VALUES)).encode()
        return text[:begin] + value + text[end:]

    def damaged_message(self, content):
        """A protobuf message with one field changed, removed, doubled or moved, and all lengths right."""
        root = fields(content)
        if not root:
            return self.damaged_bytes(content)
        for _ in range(self.random.choice([1, 1, 2, 3])):
            self.change_field(root)
        return encoded(root)

    def change_field(self, message):
        at = self.random.randrange(len(message))
        number, kind, value = message[at]
        if kind == 2 and self.chance(0.85):
            inner = fields(value)
            if inner and len(value) < 200_000:
                self.change_field(inner)
                message[at] = (number, kind, encoded(inner))
                return
        choice = self.random.randrange(5)
        if choice == 0 and len(message) > 1:
            del message[at]
        elif choice == 1:
            message.insert(at, message[self.random.randrange(len(message))])
        elif kind == 0:
            message[at] = (number, kind, self.random.choice(EXTREMES + [value + 1, max(value - 1, 0), value * 1000]))
        elif kind == 2:
            message[at] = (number, kind, self.damaged_bytes(value) if len(value) >= 16 else self.short(value))
        else:
            message[at] = (number, kind, self.random.randbytes(len(value)))

    def short(self, value):
        return self.random.choice([b"", value + value, value[:-1], bytes(len(value)), b"\xff" * len(value), value[::-1]])

    def place(self, data):
        # The structure matters more than the weights, and lies in front.
        return self.random.randrange(min(len(data), 4096) if self.chance(0.5) else len(data))

    def length(self):
        return self.random.choice([1, 2, 4, 8, 16, 64, 256])

    def chance(self, share):
        return self.random.random() < share


def fields(content):
    """The fields of a protobuf message as (number, wire type, value); empty where it is none."""
    result, at = [], 0
    try:
        while at < len(content):
            key, at = varint(content, at)
            number, kind = key >> 3, key & 7
            if number == 0 or number > 1000:
                return []
            if kind == 0:
                value, at = varint(content, at)
            elif kind == 2:
                length, at = varint(content, at)
                value, at = content[at : at + length], at + length
            elif kind in (1, 5):
                length = 8 if kind == 1 else 4
                value, at = content[at : at + length], at + length
            else:
                return []
            if at > len(content):
                return []
            result.append((number, kind, value))
    except IndexError:
        return []
    return result


def encoded(message):
    """The bytes of a protobuf message given by its fields."""
    result = bytearray()
    for number, kind, value in message:
        result += varint_bytes(number << 3 | kind)
        if kind == 0:
            result += varint_bytes(value % 2**64)
        elif kind == 2:
            result += varint_bytes(len(value)) + value
        else:
            result += value
    return bytes(result)


def varint(content, at):
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 70:
            raise IndexError


def varint_bytes(value):
    result = bytearray()
    while value >= 0x80:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(result + bytes([value]))
