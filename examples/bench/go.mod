module github.com/ociferry/ferry/examples/bench

go 1.26.0
