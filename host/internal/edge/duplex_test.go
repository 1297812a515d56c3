package edge

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/jackfield-host/jackfield/sdk"
)

// TestConnectNeverReads: whoever sends requests and never reads the answers is cut.
func TestConnectNeverReads(t *testing.T) {
	rt := wide(opaque(answering(sdk.Response{MediaType: "text/plain", Payload: make([]byte, 512<<10)})))
	l := running(t, Config{WriteTimeout: 50 * time.Millisecond}, rt)
	s := l.connect()
	_ = s.SetWriteDeadline(time.Now().Add(patience))
	var err error
	for err == nil { // until the host cuts the connection
		err = s.WriteMessage(websocket.TextMessage, []byte(`{"type":"x.Raw","id":"1","payload":1}`))
	}
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Errorf("the connection is still there: %v", err)
	}
}

// TestConnectMemory keeps an idle connection small: BenchmarkConnectIdle measures it.
func TestConnectMemory(t *testing.T) {
	if per := idleBytes(t, 500); per > 16<<10 {
		t.Errorf("%d bytes for each idle connection", per)
	} else {
		t.Logf("%d bytes for each idle connection", per)
	}
}

// idleBytes is how much heap and stack the host's end of an idle WebSocket takes. The
// clients' ends are plain connections, and are measured with it.
func idleBytes(t testing.TB, n int) int {
	l := running(t, Config{}, opaque(echo))
	l.handler.(Handler).edge.log = quiet()
	before := inUse()
	conns := make([]net.Conn, n)
	host := strings.TrimPrefix(l.url, "http://")
	for i := range conns {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "GET /v1/connect HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", host)
		var answer [512]byte
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if n, err := c.Read(answer[:]); err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 101 ")) {
			t.Fatalf("%v %s", err, answer[:n])
		}
		conns[i] = c
	}
	after := inUse()
	runtime.KeepAlive(conns)
	return max(after-before, 0) / n
}

func inUse() int {
	var m runtime.MemStats
	for range 3 { // pools and stacks need more than one
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}

func BenchmarkConnectIdle(b *testing.B) {
	for range b.N {
		b.ReportMetric(float64(idleBytes(b, 2000)), "B/conn")
	}
}

// BenchmarkConnect is what one request costs over one WebSocket with 100 at work.
func BenchmarkConnect(b *testing.B) {
	l := running(b, Config{}, wide(opaque(echo)))
	l.handler.(Handler).edge.log = quiet()
	s := l.connect()
	tokens := make(chan struct{}, 100)
	go func() {
		for i := range b.N {
			tokens <- struct{}{}
			s.send(fmt.Sprintf(`{"id":"%d","type":"x.Raw","payload":{"text":"%01000d"}}`, i, 1))
		}
	}()
	b.ReportAllocs()
	for range b.N {
		if _, _, err := s.ReadMessage(); err != nil {
			b.Fatal(err)
		}
		<-tokens
	}
}

// BenchmarkBatch is what one line costs in batches of 256 over one connection.
func BenchmarkBatch(b *testing.B) {
	l := listen(b, Config{}, wide(opaque(echo)))
	l.handler.(Handler).edge.log = quiet()
	payload := `{"text":"` + strings.Repeat("x", 1000) + `"}`
	var lines bytes.Buffer
	for i := range 256 {
		fmt.Fprintf(&lines, `{"id":"%d","type":"x.Raw","payload":%s}`+"\n", i, payload)
	}
	client := &http.Client{Transport: &http.Transport{ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10}}
	b.ReportAllocs()
	for range (b.N + 255) / 256 {
		resp, err := client.Post(l.url+"/v1/batch", "application/x-ndjson", bytes.NewReader(lines.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n < 256<<10 {
			b.Fatal(n, err)
		}
		resp.Body.Close()
	}
}
