package main

import "testing"

func TestNobodyReadsLogs(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]bool{"": true, "TF_LOG_PATH": true, "TF_LOG_CORE": true, "TF_LOG": false, "TF_LOG_PROVIDER": false, "TF_LOG_SDK": false} {
		getenv := func(name string) string {
			if name == variable {
				return "TRACE"
			}
			return ""
		}
		if got := nobodyReadsLogs(getenv); got != want {
			t.Errorf("with %q: %v", variable, got)
		}
	}
}
