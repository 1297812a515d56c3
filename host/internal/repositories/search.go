package repositories

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

const (
	// maxPage is the largest answer of a store to a search, in bytes, and pageSize how many
	// listings it is asked for at once.
	maxPage  = 4 << 20
	pageSize = 100
	// searchTime is how long one repository may take for a search.
	searchTime = 5 * time.Second
	// maxScan is how many listings are read of a repository that cannot search.
	maxScan = 5000
)

// Search finds listings of bundles, each once, from the repository that counts for its id. A
// repository that takes longer than searchTime is left with what was found until then.
func (s *Set) Search(ctx context.Context, q Query) (Found, error) {
	if q.Limit <= 0 || q.Limit > MaxOffers {
		q.Limit = MaxOffers
	}
	s.meet(ctx)
	members, missing := s.sources()
	found := Found{Missing: missing}
	all := make([]hits, len(members))
	var crew sync.WaitGroup
	for i, m := range members {
		crew.Go(func() { all[i] = s.hits(ctx, members, m, q) })
	}
	crew.Wait()
	if err := context.Cause(ctx); err != nil {
		return Found{}, err
	}
	seen := map[string]bool{}
	for i, m := range members {
		found.More = found.More || all[i].more
		if all[i].err != nil {
			found.Missing[m.source.Name] = all[i].err
		}
		for _, o := range all[i].offers {
			id := store.FoldID(o.Listing.ID)
			switch {
			case seen[id]:
			case len(found.Offers) == q.Limit:
				found.More = true
			default:
				seen[id] = true
				found.Offers = append(found.Offers, o)
			}
		}
	}
	return found, nil
}

// hits are what one repository finds, from those that count for the ids.
type hits struct {
	offers []Offer
	more   bool
	err    error
}

func (s *Set) hits(ctx context.Context, members []*member, m *member, q Query) (h hits) {
	ctx, cancel := context.WithTimeoutCause(ctx, min(searchTime, s.config.Patience),
		refuse(m.source.Name, Code(store.IndexTooSlow), "the repository %s takes too long to be searched", m.source.Name))
	defer cancel()
	ids, more, err := m.search(ctx, q.Text, q.Limit)
	h.more, h.err = more, err
	found := make([]*Offer, len(ids)) // in the order of the ids
	failed := make([]error, len(ids))
	var crew sync.WaitGroup
	places := make(chan struct{}, parallel)
	for i, id := range ids {
		places <- struct{}{}
		crew.Go(func() {
			defer func() { <-places }()
			counts, l, err := first(ctx, members, id)
			if failed[i] = err; err == nil && counts != nil {
				o := counts.offer(l)
				found[i] = &o
			}
		})
	}
	crew.Wait()
	for i := range ids {
		if failed[i] != nil {
			h.err = failed[i]
		} else if found[i] != nil {
			h.offers = append(h.offers, *found[i])
		}
	}
	return h
}

// search asks the store, which is believed no more than which ids to look at: what they are
// is in the index. What cannot search, as a folder or a mirror that is only files, is read
// listing by listing, and so is what is known of a store that is away. One that has too much
// to do is not asked for every listing instead.
func (x *index) search(ctx context.Context, text string, limit int) ([]string, bool, error) {
	view := x.current()
	if view == nil {
		return nil, false, nil
	}
	if isAddress(x.source.URL) {
		ids, more, err := x.ask(ctx, text, limit)
		switch {
		case err == nil:
			return ids, more, nil
		case ctx.Err() != nil:
			return nil, false, context.Cause(ctx)
		case errors.Is(err, errBusy):
			return nil, false, refuse(x.source.Name, Code(store.IndexUnreachable), "the repository %s can not be searched now: %w; search again in a moment", x.source.Name, err)
		}
	}
	words := strings.Fields(strings.ToLower(text))
	var ids []string
	scanned := 0
	for l, err := range view.All(ctx) {
		if err != nil {
			return ids, true, x.explain(err)
		}
		if scanned++; scanned > maxScan || len(ids) == limit {
			return ids, true, nil
		}
		if l.Format == store.FormatBundle && matches(l, words) {
			ids = append(ids, l.ID)
		}
	}
	slices.Sort(ids)
	return ids, false, nil
}

// ask searches through GET listings, page by page.
func (x *index) ask(ctx context.Context, text string, limit int) (ids []string, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, x.config.Patience)
	defer cancel()
	cursor := ""
	for len(ids) < limit {
		values := url.Values{"format": {string(store.FormatBundle)}, "limit": {strconv.Itoa(min(pageSize, limit-len(ids)))}}
		for name, value := range map[string]string{"q": text, "cursor": cursor} {
			if value != "" {
				values.Set(name, value)
			}
		}
		page, next, err := x.page(ctx, values)
		if err != nil {
			return nil, false, err
		}
		ids = append(ids, page...)
		if cursor = next; cursor == "" || len(page) == 0 {
			return ids[:min(len(ids), limit)], false, nil
		}
	}
	return ids[:limit], true, nil
}

var errBusy = errors.New("it has too much to do")

func (x *index) page(ctx context.Context, values url.Values) (ids []string, next string, err error) {
	address := strings.TrimRight(x.source.URL, "/") + "/api/v1/listings?" + values.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", err
	}
	request.Header.Set("User-Agent", "jackfield")
	response, err := x.client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable {
		return nil, "", errBusy
	}
	if response.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("it answers with status %d", response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxPage+1))
	if err != nil {
		return nil, "", err
	}
	return parsePage(data)
}

// parsePage reads what a store answers to a search: at most pageSize ids, of which nothing
// is known but that they are of a length that ids may have.
func parsePage(data []byte) (ids []string, next string, err error) {
	if len(data) > maxPage {
		return nil, "", fmt.Errorf("its answer has more than %d bytes", maxPage)
	}
	var page struct {
		Listings []struct {
			ID string `json:"id"`
		} `json:"listings"`
		Next string `json:"next"`
	}
	if err := json.Unmarshal(data, &page); err != nil {
		return nil, "", err
	}
	if len(page.Listings) > pageSize || len(page.Next) > 4096 {
		return nil, "", errors.New("its answer has more than was asked for")
	}
	for _, l := range page.Listings {
		if l.ID != "" && len(l.ID) <= 190 {
			ids = append(ids, l.ID)
		}
	}
	return ids, page.Next, nil
}

// matches reports whether every word is in what people read of a listing.
func matches(l *store.Listing, words []string) bool {
	if len(words) == 0 {
		return true
	}
	var b strings.Builder
	fmt.Fprintln(&b, l.ID, l.Publisher.Organization, l.Publisher.Host, strings.Join(l.Labels, " "))
	for _, text := range l.Texts {
		fmt.Fprintln(&b, text.Name, text.Description)
	}
	all := strings.ToLower(b.String())
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all, w) })
}

// search reads the documents that are there.
func (j *jameicaSite) search(ctx context.Context, text string, limit int) ([]string, bool, error) {
	words := strings.Fields(strings.ToLower(text))
	var ids []string
	for _, name := range j.names() {
		l, err := j.listing(ctx, name)
		if err != nil || !matches(l, words) {
			continue
		}
		if len(ids) == limit {
			return ids, true, nil
		}
		ids = append(ids, l.ID)
	}
	return ids, false, nil
}
