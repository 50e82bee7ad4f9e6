package helm

import (
	"strings"
	"testing"
)

// A name goes into a file name, and nothing else does.
func TestStem(t *testing.T) {
	for config, want := range map[string]string{
		`{"name":"nginx","version":"15.4.4","apiVersion":"v2"}`:                "nginx-15.4.4",
		`{"name":"My_chart.x","version":"v1.2.3-rc.1+build.5"}`:                "My_chart.x-v1.2.3-rc.1+build.5",
		`{"name":"a","version":"1","maintainers":[{"Name":"A"},{"Name":"B"}]}`: "a-1",
		`{"name":"../evil","version":"1.0.0"}`:                                 "error: name",
		`{"name":"a/b","version":"1.0.0"}`:                                     "error: name",
		`{"name":"-a","version":"1.0.0"}`:                                      "error: name",
		`{"version":"1.0.0"}`:                                                  "error: name",
		`{"name":"a","version":"1.0.0/../../x"}`:                               "error: version",
		`{"name":"a","version":"latest"}`:                                      "error: version",
		`{"name":"a","version":"1.0.0\n"}`:                                     "error: version",
		`{"name":"a"}`:                                                         "error: version",
		`{"name":"a","name":"b","version":"1.0.0"}`:                            "error: name",
		`{"name":"a","Name":"b","version":"1.0.0"}`:                            "error: ",
		`{"name":` + strings.Repeat("[", 100) + `}`:                            "error: ",
		`name: a`: "error: ",
		``:        "error: ",
		`{"name":"` + strings.Repeat("a", 200) + `","version":"1.0.0"}`:   "error: name",
		`{"name":"a","version":"1.0.0-` + strings.Repeat("a", 100) + `"}`: "error: version",
	} {
		got, err := stem([]byte(config))
		if part, ok := strings.CutPrefix(want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%.80s: want an error about %s, found %q, %v", config, part, got, err)
			}
		} else if err != nil || got != want {
			t.Errorf("%.80s: want %s, found %q, %v", config, want, got, err)
		}
	}
}
