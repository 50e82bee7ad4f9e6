module github.com/ociferry/ferry/zarf/schematest

go 1.26.6

require (
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.2
	github.com/zarf-dev/zarf v0.84.0
	go.yaml.in/yaml/v3 v3.0.5
)

require (
	github.com/bahlo/generic-list-go v0.2.0 // indirect
	github.com/buger/jsonparser v1.1.2 // indirect
	github.com/invopop/jsonschema v0.14.0 // indirect
	github.com/pb33f/ordered-map/v2 v2.3.1 // indirect
	go.yaml.in/yaml/v4 v4.0.0-rc.4 // indirect
	golang.org/x/text v0.41.0 // indirect
)
