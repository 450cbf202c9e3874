package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseMoment reads a moment in local time, as sbatch's --begin has it: now,
// now+COUNT[seconds|minutes|hours|days|weeks], 16:00[:00][pm], today, tomorrow, midnight, noon, teatime,
// 2026-01-31[T08:00[:00]], 01/31[/26], 013126, an RFC 3339 time, or +TIME, a span as ParseLimit reads it. A time of day
// that is past is tomorrow's.
func ParseMoment(text string, now time.Time) (time.Time, error) {
	bad := fmt.Errorf("%q is no moment; now, now+2hours, 16:30, tomorrow, +30 (minutes) and 2026-01-31T08:00 are", text)
	word := strings.ToLower(strings.TrimSpace(text))
	if span, ok := strings.CutPrefix(word, "+"); ok {
		d, err := ParseLimit(span)
		return now.Add(d), err
	}
	if span, ok := strings.CutPrefix(word, "now"); ok {
		d, ok := parseOffset(span)
		if !ok {
			return time.Time{}, bad
		}
		return now.Add(d), nil
	}
	year, month, day := now.Date()
	switch word {
	case "today":
		return now, nil
	case "tomorrow":
		return time.Date(year, month, day+1, 0, 0, 0, 0, now.Location()), nil
	}
	if clock, ok := timesOfDay[word]; ok {
		word = clock
	}
	for _, layout := range []string{"15:04", "15:04:05", "3:04pm", "3:04:05pm", "3pm"} {
		t, err := time.Parse(layout, word)
		if err != nil {
			continue
		}
		at := func(day int) time.Time {
			return time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), 0, now.Location())
		}
		if first := at(day); first.After(now) {
			return first, nil
		}
		return at(day + 1), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02",
		"01/02/06", "01/02/2006", "010206"} {
		if t, err := time.ParseInLocation(layout, strings.ToUpper(word), now.Location()); err == nil {
			if t.Year() < 1970 || t.Year() > lastYear {
				return time.Time{}, bad
			}
			return t, nil
		}
	}
	if t, err := time.Parse("01/02", word); err == nil {
		at := time.Date(year, t.Month(), t.Day(), 0, 0, 0, 0, now.Location())
		if at.Before(time.Date(year, month, day, 0, 0, 0, 0, now.Location())) {
			at = at.AddDate(1, 0, 0)
		}
		return at, nil
	}
	return time.Time{}, bad
}

// timesOfDay are the names that Slurm has for some.
var timesOfDay = map[string]string{"midnight": "00:00", "elevenses": "11:00", "noon": "12:00", "fika": "15:00",
	"teatime": "16:00"}

var offsetUnits = map[string]time.Duration{"": time.Second, "second": time.Second, "minute": time.Minute,
	"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour}

// lastYear is the last in which a moment may be: nanoseconds since 1970 have room for a little more.
const lastYear = 2200

// maxOffset is how far ahead a moment may be, in any unit that it is written in: so that sums stay in range.
const maxOffset = 100 * 366 * 24 * time.Hour

// parseOffset reads what stands behind "now": nothing, or +COUNT and a unit.
func parseOffset(text string) (time.Duration, bool) {
	if text == "" {
		return 0, true
	}
	digits, found := strings.CutPrefix(text, "+")
	unit := strings.TrimLeft(digits, "0123456789")
	n, err := strconv.ParseInt(strings.TrimSuffix(digits, unit), 10, 64)
	each, known := offsetUnits[strings.TrimSuffix(unit, "s")]
	if !found || err != nil || !known || unit == "s" || n > int64(maxOffset/each) {
		return 0, false
	}
	return time.Duration(n) * each, true
}
