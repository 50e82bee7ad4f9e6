package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
)

// profile writes profiles for "go tool pprof" into the files that
// FERRY_CPUPROFILE and FERRY_MEMPROFILE name. It is for those who work on
// ferry and is in no help text. The function that it returns ends the
// profiles; what goes wrong with them is said and is no error of the run.
func (e *env) profile() (stop func()) {
	var stops []func() error
	create := func(key string, begin func(*os.File) (func() error, error)) {
		name := e.getenv(key)
		if name == "" {
			return
		}
		f, err := os.Create(name)
		if err == nil {
			var end func() error
			if end, err = begin(f); err == nil {
				stops = append(stops, end, f.Close)
				return
			}
			f.Close()
		}
		fmt.Fprintf(e.stderr, "ferry: %s: %v\n", key, err)
	}
	create("FERRY_CPUPROFILE", func(f *os.File) (func() error, error) {
		return func() error { pprof.StopCPUProfile(); return nil }, pprof.StartCPUProfile(f)
	})
	create("FERRY_MEMPROFILE", func(f *os.File) (func() error, error) {
		runtime.MemProfileRate = 64 << 10
		return func() error { return pprof.Lookup("allocs").WriteTo(f, 0) }, nil
	})
	return func() {
		for _, s := range stops {
			if err := s(); err != nil {
				fmt.Fprintf(e.stderr, "ferry: profile: %v\n", err)
			}
		}
	}
}
