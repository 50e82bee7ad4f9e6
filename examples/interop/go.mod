module github.com/ociferry/ferry/examples/interop

go 1.26.0
