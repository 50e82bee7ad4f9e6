package ui

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"

	"github.com/urfave/cli/v2"
)

// A profiling writes profiles for "go tool pprof". Its flags are for those who
// work on ferry, and in no help text.
type profiling struct {
	e        *Env
	cpu, mem string // files
	stops    []func() error
}

func (p *profiling) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "cpuprofile", Hidden: true, Destination: &p.cpu},
		&cli.StringFlag{Name: "memprofile", Hidden: true, Destination: &p.mem},
	}
}

// begin begins the profiles that are asked for.
func (p *profiling) begin(*cli.Context) error {
	err := p.create(p.cpu, func(f *os.File) (func() error, error) {
		return func() error { pprof.StopCPUProfile(); return nil }, pprof.StartCPUProfile(f)
	})
	if err != nil {
		return err
	}
	return p.create(p.mem, func(f *os.File) (func() error, error) {
		runtime.MemProfileRate = 64 << 10
		return func() error { return pprof.Lookup("allocs").WriteTo(f, 0) }, nil
	})
}

func (p *profiling) create(name string, begin func(*os.File) (func() error, error)) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	end, err := begin(f)
	if err != nil {
		f.Close()
		return err
	}
	p.stops = append(p.stops, end, f.Close)
	return nil
}

// end ends them. What goes wrong with that is said, and is no error of the run.
func (p *profiling) end() {
	for _, stop := range p.stops {
		if err := stop(); err != nil {
			fmt.Fprintf(p.e.Stderr, "ferry: profile: %v\n", err)
		}
	}
}
