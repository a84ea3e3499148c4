package ryzeapi

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

func TestParseRateLimit(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) // by the server's clock, which is far from this machine's
	window := func(remaining string, untilReset time.Duration) map[string]string {
		reset := strconv.FormatInt(date.Add(untilReset).Unix(), 10)
		return map[string]string{"X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": reset}
	}
	retryAfter := func(value string) map[string]string { return map[string]string{"Retry-After": value} }
	retryAfterDate := func(wait time.Duration) map[string]string {
		return retryAfter(date.Add(wait).Format(http.TimeFormat))
	}
	words := map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}
	both := window("0", 42*time.Second)
	both["Retry-After"] = "7"
	for name, c := range map[string]struct {
		status     int
		header     map[string]string
		known      bool
		remaining  int
		untilReset time.Duration
		pause      time.Duration
	}{
		"some left":               {200, window("99", 42*time.Second), true, 99, 42 * time.Second, 0},
		"429":                     {429, window("0", 42*time.Second), true, 0, 42 * time.Second, 42 * time.Second},
		"429 with some left":      {429, window("7", 42*time.Second), true, 7, 42 * time.Second, 42 * time.Second},
		"ends within this second": {429, window("0", 0), true, 0, time.Second, time.Second},
		"ended a second ago":      {200, window("0", -time.Second), true, 0, time.Second, 0},
		"ended long ago":          {429, window("0", -2*time.Second), false, 0, 0, 0},
		"an hour away":            {429, window("0", time.Hour), true, 0, 2 * time.Minute, 2 * time.Minute},
		"more than a day away":    {429, window("0", 25*time.Hour), false, 0, 0, 0},
		"reset is a word":         {429, words, false, 0, 0, 0},
		"no reset":                {429, map[string]string{"X-RateLimit-Remaining": "5"}, false, 5, 0, 0},
		"no remaining":            {429, window("", 42*time.Second), false, 0, 42 * time.Second, 0},
		"no headers":              {429, nil, false, 0, 0, 0},
		"Retry-After":             {429, retryAfter("7"), false, 0, 0, 7 * time.Second},
		"Retry-After and a reset": {429, both, true, 0, 42 * time.Second, 7 * time.Second},
		"Retry-After is a date":   {429, retryAfterDate(9 * time.Second), false, 0, 0, 9 * time.Second},
		"Retry-After is over":     {429, retryAfterDate(-9 * time.Second), false, 0, 0, 0},
		"Retry-After of an hour":  {429, retryAfter("3600"), false, 0, 0, 2 * time.Minute},
		"Retry-After of -1":       {429, retryAfter("-1"), false, 0, 0, 0},
		"Retry-After of a 503":    {503, retryAfter("7"), false, 0, 0, 0},
	} {
		header := http.Header{"Date": {date.Format(http.TimeFormat)}}
		for name, value := range c.header {
			header.Set(name, value)
		}
		limit := parseRateLimit(c.status, header)
		if limit.isKnown() != c.known || limit.remaining != c.remaining || limit.untilReset != c.untilReset {
			t.Errorf("%s: %+v", name, limit)
		}
		if got := limit.pause(); got != c.pause {
			t.Errorf("%s: a pause of %s, want %s", name, got, c.pause)
		}
	}
	// Without a Date, the reset is compared with this machine's clock.
	header := http.Header{}
	header.Set("X-RateLimit-Remaining", "0")
	header.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(20*time.Second).Unix(), 10))
	if got := parseRateLimit(429, header).pause(); got < 15*time.Second || got > 25*time.Second {
		t.Errorf("without a Date: %s", got)
	}
}
