package ui

import (
	"strings"
	"unicode/utf8"

	"github.com/ociferry/ferry/layout/policy"
)

// A topic is what help and the man page say of something that is no command.
type topic struct {
	name, title, usage, text string
}

// topics are written like the descriptions of commands: a paragraph with
// columns in it stays as it is.
var topics = []topic{
	{"policy", "POLICY FILE", "the file that --policy takes: what may pass", policyText},
	{"environment", "ENVIRONMENT", "the variables that ferry reads, and the modes of what it writes", environmentText},
}

var policyText = `A policy is a YAML file. It says what may pass: pack and bundle ask it about what they write, verify, unpack, push and packing-list about what they read. What it refuses is listed, with exit code 5. A rule that is left out allows everything, version alone must be there, and a key or a word that ferry does not know is an error. An example with all of them:

` + indent(policy.Example) + `
` + columns(policy.Help()) + `
Pack and bundle, whose output others may sign later, only refuse to sign with a key that is not listed. Of forbid the words are given as a list.

Rules on kinds, content, sizes and media types hold for all that is carried: entries of an index that are no manifests and blobs that nothing refers to as well, and files beside the layout. A date is that of an LEI snapshot, else the annotation org.opencontainers.image.created; where a date is asked for, each artifact without one is refused, and one that lies ahead of the clock is not.

For example: ferry verify lei-cache.tar --policy ferry.policy.yaml`

func indent(text string) string {
	return "  " + strings.TrimSuffix(strings.ReplaceAll(text, "\n", "\n  "), "  ")
}

// columns sets words and what they mean beside each other.
func columns(rows [][2]string) string {
	const first = 22
	var b strings.Builder
	for _, r := range rows {
		line := "  " + r[0]
		for word := range strings.FieldsSeq(r[1]) {
			if n := utf8.RuneCountInString(line); n < first {
				line += strings.Repeat(" ", first-n) + word
			} else if n+1+utf8.RuneCountInString(word) > HelpWidth {
				b.WriteString(line + "\n")
				line = strings.Repeat(" ", first) + word
			} else {
				line += " " + word
			}
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

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
