package schedpb

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
)

// Names, paths, arguments and variables are bytes to a system, and strings of a message are UTF-8. Encode turns any
// bytes into such a string, and Decode turns it back: a byte that is not of UTF-8 stands as a character of its own,
// 0xE9 as U+10FFE9. Those characters, for private use, stand as their bytes, so that nothing is ever mixed up. What is
// UTF-8 stays as it is, and so does all that was stored before there was this.
func Encode(s string) string {
	if utf8.ValidString(s) && !hasEscapes(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		if c == utf8.RuneError && n == 1 || escape(c) {
			for _, byte := range []byte(s[i : i+n]) {
				b.WriteRune(firstEscape + rune(byte-0x80))
			}
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// Decode gives back what Encode was given.
func Decode(s string) string {
	if !hasEscapes(s) {
		return s
	}
	var b strings.Builder
	for i, c := range s {
		if escape(c) {
			b.WriteByte(byte(c-firstEscape) + 0x80)
		} else {
			b.WriteString(s[i : i+utf8.RuneLen(c)])
		}
	}
	return b.String()
}

// The characters for the bytes 0x80 to 0xFF: no other byte is ever invalid by itself.
const firstEscape, lastEscape = 0x10ff80, 0x10ffff

func escape(c rune) bool { return c >= firstEscape && c <= lastEscape }

func hasEscapes(s string) bool { return utf8.ValidString(s) && strings.ContainsFunc(s, escape) }

// Encoded returns a specification that can be sent: what is bytes in it is encoded. It may share what needs none.
func (s *JobSpec) Encoded() *JobSpec { return s.convert(Encode) }

// Decoded returns a specification that is not to be sent: what is bytes in it is as the user gave it.
func (s *JobSpec) Decoded() *JobSpec { return s.convert(Decode) }

func (s *JobSpec) convert(by func(string) string) *JobSpec {
	changed := false
	s.eachText(func(text *string) { changed = changed || by(*text) != *text })
	if !changed {
		return s
	}
	s = proto.CloneOf(s)
	s.eachText(func(text *string) { *text = by(*text) })
	return s
}

// eachText calls f for every field of bytes.
func (s *JobSpec) eachText(f func(*string)) {
	if s == nil {
		return
	}
	f(&s.StdoutPath)
	f(&s.StderrPath)
	if x := s.Script; x != nil {
		f(&x.Name)
		f(&x.Dir)
		f(&x.Stdin)
		for i := range x.Args {
			f(&x.Args[i])
		}
		for _, v := range x.Env {
			if v != nil {
				f(&v.Name)
				f(&v.Value)
			}
		}
	}
	for _, app := range s.Apps {
		if app == nil {
			continue
		}
		f(&app.Program)
		f(&app.Dir)
		for i := range app.Args {
			f(&app.Args[i])
		}
		for _, v := range app.Env {
			if v != nil {
				f(&v.Name)
				f(&v.Value)
			}
		}
		for _, m := range app.Mounts {
			if m != nil {
				f(&m.HostDir)
				f(&m.GuestDir)
			}
		}
	}
}
