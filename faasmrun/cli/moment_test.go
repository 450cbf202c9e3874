package cli

import (
	"testing"
	"time"
)

func TestParseMoment(t *testing.T) {
	zone := time.FixedZone("somewhere", 2*3600)
	now := time.Date(2026, 11, 30, 15, 30, 20, 0, zone)
	at := func(month time.Month, day, hour, minute, second int) time.Time {
		return time.Date(2026, month, day, hour, minute, second, 0, zone)
	}
	for text, want := range map[string]time.Time{
		"now": now, "today": now, "now+60": at(11, 30, 15, 31, 20), "now+1hour": at(11, 30, 16, 30, 20),
		"now+2hours": at(11, 30, 17, 30, 20), "now+3minutes": at(11, 30, 15, 33, 20), "now+1day": at(12, 1, 15, 30, 20),
		"NOW+1WEEK": at(12, 7, 15, 30, 20), "now+5seconds": at(11, 30, 15, 30, 25),
		"+30": at(11, 30, 16, 0, 20), "+2h": at(11, 30, 17, 30, 20),
		"16:00": at(11, 30, 16, 0, 0), "15:30": at(12, 1, 15, 30, 0), "15:30:21": at(11, 30, 15, 30, 21),
		"4:00pm": at(11, 30, 16, 0, 0), "9am": at(12, 1, 9, 0, 0), "tomorrow": at(12, 1, 0, 0, 0),
		"midnight": at(12, 1, 0, 0, 0), "noon": at(12, 1, 12, 0, 0), "teatime": at(11, 30, 16, 0, 0),
		"2026-12-24": at(12, 24, 0, 0, 0), "2026-12-24T18:30": at(12, 24, 18, 30, 0),
		"2026-12-24T18:30:05": at(12, 24, 18, 30, 5), "12/24": at(12, 24, 0, 0, 0), "12/24/26": at(12, 24, 0, 0, 0),
		"122426": at(12, 24, 0, 0, 0), "11/30": at(11, 30, 0, 0, 0),
		"01/31":                time.Date(2027, 1, 31, 0, 0, 0, 0, zone),
		"2026-12-24T18:30:05Z": time.Date(2026, 12, 24, 18, 30, 5, 0, time.UTC),
	} {
		if got, err := ParseMoment(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "now-1hour", "now+", "now+s", "now+1month", "now+1hours more", "25:00", "13/24",
		"soon", "2300-01-01", "1969-01-01",
		"2026-13-01", "+", "now+99999999999999999999", "now+9223372036854775807weeks", "now+40000days"} {
		if got, err := ParseMoment(text, now); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func FuzzParseMoment(f *testing.F) {
	f.Add("now+1hour")
	f.Add("12/24/26")
	now := time.Date(2026, 11, 30, 15, 30, 20, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) { ParseMoment(text, now) })
}
