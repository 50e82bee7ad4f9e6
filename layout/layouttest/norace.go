//go:build !race

package layouttest

const race = false
