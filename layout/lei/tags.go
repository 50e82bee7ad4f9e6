package lei

import (
	"fmt"
	"time"
)

// Tags returns the tags that the original gives a snapshot of that date: the
// date, "latest", and "weekly" when the date is a Sunday.
func Tags(date string) ([]string, error) {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return nil, fmt.Errorf("want a date as YYYY-MM-DD, found %s", quote(date))
	}
	tags := []string{date, "latest"}
	if t.Weekday() == time.Sunday {
		tags = append(tags, "weekly")
	}
	return tags, nil
}
