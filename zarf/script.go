package zarf

import (
	"fmt"
	"path"
	"strings"
)

// quote makes one word of s for sh. Only for values that checkTarget allows.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// word is a path on the deploying host as sh shall read it. Zarf resolves a
// leading ~ in a file's target, and sh does not do so within quotes; "./"
// keeps a relative name from being an option or a command of the PATH.
func word(target string) string {
	if rest, ok := strings.CutPrefix(target, "~/"); ok {
		return `"$HOME"/` + quote(rest)
	}
	if path.IsAbs(target) {
		return quote(target)
	}
	return quote("./" + target)
}

// frame unpacks beside the final place and renames, so that what stands under
// the final name is whole. The steps in the middle write "$new"; what of it
// goes to the final name is from.
func frame(archive, dir, from, steps string) string {
	return fmt.Sprintf(`set -eu
archive=%s
dir=%s
new="$dir.new"
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM
rm -rf "$new"
%sif [ -e "$dir" ] || [ -L "$dir" ]; then
  diff -r %[4]s "$dir" >/dev/null || {
    echo "$dir is there already, and is not what this package holds: move it away and deploy again" >&2
    exit 1
  }
  echo "$dir is there already, and is the same"
else
  mv %[4]s "$dir"
  echo "$dir is verified and in place"
fi`, word(archive), word(dir), steps, from)
}

// unpackWithZarf needs nothing on the host but the zarf that deploys, a shell,
// and sha256sum (GNU, busybox) or shasum (perl, macOS). The files, if there are
// any, are blobs that get their names; else the layout stays a layout.
func unpackWithZarf(archive, sha256, index, dir string, files []Layer) string {
	var steps strings.Builder
	fmt.Fprintf(&steps, `if command -v sha256sum >/dev/null 2>&1; then
  sum() { sha256sum "$@"; }
elif command -v shasum >/dev/null 2>&1; then
  sum() { shasum -a 256 "$@"; }
else
  echo "$archive is in place, but not unpacked: this host has neither sha256sum nor shasum to verify it with" >&2
  exit 1
fi
is() {
  found=$(sum <"$1")
  [ "${found%%%% *}" = "$2" ] || { echo "$1: found sha256:${found%%%% *}, want sha256:$2" >&2; exit 1; }
}
is "$archive" %s
./zarf tools archiver decompress "$archive" "$new"
is "$new/index.json" %s
report=$(cd "$new" && sum -c SHA256SUMS 2>&1) || {
  printf '%%s\n' "$report" | grep -v ': OK$' >&2
  exit 1
}
`, sha256, strings.TrimPrefix(index, "sha256:"))
	if len(files) == 0 {
		return frame(archive, dir, `"$new"`, steps.String())
	}
	left := map[string]int{} // one blob can be several files
	dirs := map[string]bool{}
	for _, f := range files {
		left[f.Digest]++
	}
	for _, f := range files {
		if d := path.Join("files", path.Dir(f.Name)); !dirs[d] {
			fmt.Fprintf(&steps, "mkdir -p \"$new\"/%s\n", quote(d))
			dirs[d] = true
		}
		left[f.Digest]--
		verb := "mv"
		if left[f.Digest] > 0 {
			verb = "cp"
		}
		fmt.Fprintf(&steps, "%s \"$new/blobs/sha256/%s\" \"$new\"/%s\n", verb, strings.TrimPrefix(f.Digest, "sha256:"), quote("files/"+f.Name))
	}
	return frame(archive, dir, `"$new/files"`, steps.String())
}

// unpackWithFerry runs the ferry that came in the package and is for this
// host. With layout, the layout is unpacked and not the artifact's files.
func unpackWithFerry(archive, index, dir string, layout bool, ferries []ferry) string {
	var choose strings.Builder
	choose.WriteString("case \"$(uname -s)/$(uname -m)\" in\n")
	for _, f := range ferries {
		fmt.Fprintf(&choose, "%s) ferry=%s ;;\n", f.hosts, word(f.target))
	}
	choose.WriteString(`*)
  echo "$archive is in place, but not unpacked: the package has no ferry for $(uname -s) on $(uname -m)" >&2
  exit 1
  ;;
esac
`)
	option := ""
	if layout {
		option = " --layout"
	}
	fmt.Fprintf(&choose, "\"$ferry\" unpack \"$archive\" -o \"$new\"%s --expect %s -q\n", option, index)
	return frame(archive, dir, `"$new"`, choose.String())
}

// A ferry is a binary with the place where the package puts it.
type ferry struct {
	target string
	hosts  string // the pattern of "$(uname -s)/$(uname -m)"
}

// hosts are the systems whose sh can run the script, by what uname says there.
var hosts = map[string]string{
	"linux/amd64":   "Linux/x86_64",
	"linux/arm64":   "Linux/aarch64 | Linux/arm64",
	"linux/arm":     "Linux/armv*",
	"linux/386":     "Linux/i?86",
	"linux/ppc64le": "Linux/ppc64le",
	"linux/riscv64": "Linux/riscv64",
	"linux/s390x":   "Linux/s390x",
	"darwin/amd64":  "Darwin/x86_64",
	"darwin/arm64":  "Darwin/arm64",
}
