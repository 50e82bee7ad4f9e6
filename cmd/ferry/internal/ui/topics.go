package ui

import (
	"fmt"
)

// A topic is what help and the man page say of something that is no command.
type topic struct {
	name, title, usage, text string
}

// topics are written like the descriptions of commands: a paragraph with
// columns in it stays as it is.
var topics = []topic{
	{"policy", "POLICY FILE", "the file that --policy takes: what may pass", PolicyText},
	{"environment", "ENVIRONMENT", "the variables that ferry reads, and the modes of what it writes", environmentText},
}

func TopicNamed(name string) *topic {
	for i := range topics {
		if topics[i].name == name {
			return &topics[i]
		}
	}
	return nil
}

// Topic is written as that of a command is, and has no example to begin with.
func (p Page) Topic(t *topic) {
	p.text("ferry help " + t.name + ": " + t.usage)
	fmt.Fprintln(p)
	p.text(t.text)
}

// PolicyExample holds every key that there is.
const PolicyExample = `  version: 1
  signatures:
    require: 2
    keys: [alice.pub, bob.pub]
  kinds: [lei, files]
  mediaTypes:
    - application/vnd.oci.image.manifest.v1+json
    - application/vnd.oci.empty.v1+json
    - application/vnd.lei.*
    - application/octet-stream
  names: ["*.internal", registry.example.com]
  limits:
    blob: 2GiB
    bundle: 4.7GB
  forbid: [executables, encrypted, secrets, unseen]
  dates:
    min: 2026-02-01
    maxAge: 30d
`

const PolicyText = `A policy is a YAML file. It says what may pass: pack and bundle ask it about what they write, verify, unpack, push and packing-list about what they read. What it refuses is listed, with exit code 5. A rule that is left out allows everything, version alone must be there, and a key or a word that ferry does not know is an error. An example with all of them:

` + PolicyExample + `
  version            1, for the form that is described here
  signatures         who must have signed; pack and bundle, whose output others
                     may sign later, only refuse to sign with another key
  signatures.keys    files of public keys (cosign.pub), relative to the policy
  signatures.require by how many different ones of the keys (default: 1)
  kinds              the artifacts' kinds, as ferry ls shows them:
                     lei, files, image, artifact, referrer
  mediaTypes         of manifests, configs and layers; * is any text
  names              hosts of the names in index.json, without port; * is any text
  limits.blob        the largest blob: 1048576, 650MB, 4.7GB or 2GiB
  limits.bundle      all blobs together, and what else is carried
  forbid             any of the next four, as a list
    executables      programs and scripts, by their bytes, or a name such as .ps1
    encrypted        content that is encrypted
    secrets          secrets in the reports of an LEI snapshot, and no others
    unseen           what could not be looked into for the two above
  dates.min          no artifact is older: a day (from midnight UTC), or RFC 3339
  dates.maxAge       no artifact is older than 30d, 2w or 36h by this host's clock

Rules on content, sizes and media types hold for all that is carried: blobs that nothing refers to as well, and files beside the layout. A date is that of an LEI snapshot, else the annotation org.opencontainers.image.created; where a date is asked for, an artifact without one is refused, and one that lies ahead of the clock is not.

For example: ferry verify lei-cache.tar --policy ferry.policy.yaml`

const environmentText = `What ferry asks of its surroundings. No variable stands for a flag.

  COSIGN_PASSWORD     the password of private keys, for keygen, sign and --sign;
                      empty is an empty one
  LEI_REGISTRY_TOKEN  a bearer token for registries, as by --token-stdin
  DOCKER_CONFIG       the directory of the config.json with credentials for
                      registries (default: .docker in HOME, in USERPROFILE
                      on Windows); --registry-config names the file itself
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY
                      the proxies to registries, in lower case too
  SSL_CERT_FILE, SSL_CERT_DIR
                      on Unix but macOS, the authorities to trust instead of the
                      system's; --ca-file adds to them
  SOURCE_DATE_EPOCH   the time of export and pack in seconds since 1970, where
                      no flag gives one
  TMPDIR              where pull, bundle and export to -, push and summary put
                      what they must keep for a while, without --tmpdir
                      (TMP on Windows); the other commands need no such place
  GOMEMLIMIT          the memory that ferry tries to stay within, such as 200MiB
                      (default: 36MiB); a hint to Go, not a limit

NO_COLOR means nothing here: ferry writes no colours.

Files get the mode 0644 and directories 0755, whatever the umask is: what root unpacks shall be readable by those for whom it was carried over. A private key gets 0600. The modes of the source are not carried.`
