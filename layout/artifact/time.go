package artifact

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
)

var timePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$`)
})

// ParseTime reads a time in RFC 3339, all of it and nothing more (section
// 5.6): t and z may be small; a leap second stands at the end of a day of UTC,
// and is taken for the second after it. The time package takes commas, single
// digits and offsets that the standard has not.
func ParseTime(s string) (time.Time, error) {
	up := strings.ToUpper(s)
	leap := len(up) > 19 && up[16:19] == ":60"
	if leap {
		up = up[:17] + "59" + up[19:]
	}
	t, err := time.Parse(time.RFC3339Nano, up)
	if u := t.UTC(); err != nil || !timePattern().MatchString(up) || leap && (u.Hour() != 23 || u.Minute() != 59) {
		return time.Time{}, fmt.Errorf("want a time in RFC 3339, found %.80q", s)
	}
	if leap {
		t = t.Add(time.Second)
	}
	return t, nil
}
