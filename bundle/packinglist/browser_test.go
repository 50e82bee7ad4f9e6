package packinglist

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBrowser opens the page in a browser: nothing is requested beyond the
// file itself, nothing is complained of, nothing overflows, every text has
// contrast, and the filter filters. FERRY_BROWSER names a Chromium;
// FERRY_SCREENSHOTS a directory for pictures to look at.
func TestBrowser(t *testing.T) {
	chromium := os.Getenv("FERRY_BROWSER")
	if chromium == "" {
		t.Skip("FERRY_BROWSER does not name a Chromium: install one and set FERRY_BROWSER=$(command -v chromium), as .ci/run does")
	}
	dir := t.TempDir()
	b := browse(t, chromium)
	for name, l := range map[string]*List{"list": snapshot(), "receipt": received(), "hostile": hostile()} {
		file := filepath.Join(dir, name+".html")
		if err := os.WriteFile(file, []byte(written(t, l, HTML)), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, v := range []struct {
			name          string
			width, height int
			dark, script  bool
		}{{"desktop", 1200, 900, false, true}, {"phone", 390, 844, false, true}, {"dark", 1200, 900, true, true}, {"noscript", 1200, 900, false, false}} {
			t.Run(name+" "+v.name, func(t *testing.T) {
				b.tab(t)
				b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": v.width, "height": v.height, "deviceScaleFactor": 1, "mobile": v.width < 500})
				scheme := "light"
				if v.dark {
					scheme = "dark"
				}
				b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
				b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": !v.script})
				b.open("file://" + file)
				if v.script {
					var found []string
					b.eval(fmt.Sprintf("(%s)(%d)", checks, v.width), &found)
					for _, f := range found {
						t.Error(f)
					}
				}
				b.shot(name+"-"+v.name, name != "hostile")
				if v.name == "desktop" && name != "hostile" {
					b.pdf(name)
				}
				for _, c := range b.complaints {
					t.Error(c)
				}
				if len(b.requests) != 1 {
					t.Errorf("requests: %q, want the page alone", b.requests)
				}
			})
		}
	}
}

// checks is what the page is asked: the answer is a list of faults.
const checks = `function (width) {
  var faults = [];
  function lum(c) {
    var v = c.slice(0, 3).map(function (x) { x /= 255; return x <= 0.03928 ? x / 12.92 : Math.pow((x + 0.055) / 1.055, 2.4); });
    return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
  }
  function rgb(s) { var m = s.match(/[\d.]+/g); return m ? m.map(Number) : [0, 0, 0, 0]; }
  function ground(e) {
    for (; e; e = e.parentElement) {
      var c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  }
  if (document.documentElement.scrollWidth > width) faults.push("the page is " + document.documentElement.scrollWidth + " wide, the window " + width);
  var w = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), seen = 0;
  while (w.nextNode() && seen < 4000) {
    var e = w.currentNode.parentElement;
    if (!w.currentNode.data.trim() || /^(SCRIPT|STYLE)$/.test(e.tagName) || !e.getClientRects().length) continue;
    seen++;
    var s = getComputedStyle(e), a = lum(rgb(e.namespaceURI.indexOf("svg") > 0 ? s.fill : s.color)), b = lum(ground(e));
    var ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faults.push("contrast " + ratio.toFixed(2) + ": " + e.tagName + "." + e.getAttribute("class") + " " + w.currentNode.data.trim().slice(0, 40));
  }
  var level = 0;
  document.querySelectorAll("h1,h2,h3,h4").forEach(function (h) {
    var n = +h.tagName[1];
    if (n > level + 1) faults.push("heading " + h.tagName + " follows level " + level + ": " + h.textContent.slice(0, 40));
    level = n;
  });
  if (document.querySelectorAll("h1").length !== 1) faults.push("there is not one h1");
  if (!document.documentElement.lang) faults.push("no language");
  document.querySelectorAll("table th").forEach(function (h) { if (!h.scope) faults.push("th without scope"); });
  document.querySelectorAll("svg").forEach(function (g) { if (!g.getAttribute("aria-label") && !g.getAttribute("aria-hidden")) faults.push("svg without a label"); });
  var ids = {};
  document.querySelectorAll("[id]").forEach(function (e) { if (ids[e.id]) faults.push("id twice: " + e.id); ids[e.id] = 1; });
  document.querySelectorAll("[aria-labelledby]").forEach(function (e) { if (!ids[e.getAttribute("aria-labelledby")]) faults.push("no label " + e.getAttribute("aria-labelledby")); });
  var q = document.getElementById("q");
  if (!document.getElementById("filter").hidden) {
    q.value = "CACHE.jsonl";
    q.dispatchEvent(new Event("input"));
    var shown = document.querySelectorAll("#list tbody tr:not([hidden])").length;
    if (shown !== 1) faults.push("the filter shows " + shown + " rows, want 1");
    q.value = "";
    q.dispatchEvent(new Event("input"));
  }
  return faults.slice(0, 20);
}`

// A browser is a Chromium that is spoken to over two pipes.
type browser struct {
	t          *testing.T
	in         io.Writer
	out        *bufio.Reader
	session    string
	id         int
	loaded     bool
	requests   []string
	complaints []string
}

type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
}

func browse(t *testing.T, chromium string) *browser {
	t.Helper()
	cmd := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe")
	fromUs, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, toUs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{fromUs, toUs}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fromUs.Close()
	toUs.Close()
	stop := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	b := &browser{t: t, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		io.WriteString(in, `{"id":999999,"method":"Browser.close"}`+"\x00")
		in.Close()
		io.Copy(io.Discard, b.out)
		cmd.Wait()
		stop.Stop()
		out.Close()
	})
	return b
}

// tab goes on in a new tab, for one test.
func (b *browser) tab(t *testing.T) {
	t.Helper()
	b.t, b.session, b.loaded, b.requests, b.complaints = t, "", false, nil, nil
	var target struct{ TargetID string }
	b.result(b.call("Target.createTarget", map[string]any{"url": "about:blank"}), &target)
	t.Cleanup(func() {
		b.session = ""
		b.call("Target.closeTarget", map[string]any{"targetId": target.TargetID})
	})
	var attached struct{ SessionID string }
	b.result(b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}), &attached)
	b.session = attached.SessionID
	for _, m := range []string{"Page.enable", "Network.enable", "Log.enable", "Runtime.enable"} {
		b.call(m, nil)
	}
}

func (b *browser) result(data json.RawMessage, v any) {
	b.t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		b.t.Fatal(err)
	}
}

// call sends one command and takes messages until its answer comes.
func (b *browser) call(method string, params any) json.RawMessage {
	b.t.Helper()
	b.id++
	m := map[string]any{"id": b.id, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	data, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(data, 0)); err != nil {
		b.t.Fatal(err)
	}
	for {
		m := b.next()
		if m.ID == b.id {
			if m.Error != nil {
				b.t.Fatalf("%s: %s", method, m.Error)
			}
			return m.Result
		}
	}
}

func (b *browser) next() message {
	b.t.Helper()
	line, err := b.out.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("the browser went away: %v", err)
	}
	var m message
	b.result(line[:len(line)-1], &m)
	switch m.Method {
	case "Page.loadEventFired":
		b.loaded = true
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		b.result(m.Params, &p)
		if !strings.HasPrefix(p.Request.URL, "about:") {
			b.requests = append(b.requests, p.Request.URL)
		}
	case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
		b.complaints = append(b.complaints, fmt.Sprintf("%s: %s", m.Method, m.Params))
	}
	return m
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url})
	for !b.loaded {
		b.next()
	}
	b.call("Runtime.evaluate", map[string]any{"expression": "1"}) // what was under way has been told
}

func (b *browser) eval(expression string, v any) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.result(b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}), &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("the checks failed: %s", r.ExceptionDetails)
	}
	b.result(r.Result.Value, v)
}

// shot takes a picture of the window, or of the whole page.
func (b *browser) shot(name string, whole bool) {
	b.t.Helper()
	b.save(name+".png", b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": whole}))
}

// pdf prints on both kinds of paper.
func (b *browser) pdf(name string) {
	b.t.Helper()
	for paper, size := range map[string][2]float64{"a4": {8.27, 11.69}, "letter": {8.5, 11}} {
		b.save(name+"-"+paper+".pdf", b.call("Page.printToPDF", map[string]any{"paperWidth": size[0], "paperHeight": size[1], "printBackground": false, "preferCSSPageSize": true}))
	}
}

func (b *browser) save(name string, answer json.RawMessage) {
	b.t.Helper()
	var r struct{ Data string }
	b.result(answer, &r)
	data, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil || len(data) < 1000 {
		b.t.Fatalf("%s: %d bytes, %v", name, len(data), err)
	}
	if dir := os.Getenv("FERRY_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}
