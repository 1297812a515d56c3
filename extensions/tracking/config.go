package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// config is the extension's configuration; config.schema.json says the same to the
// administrator's page, and a test holds the two together.
type config struct {
	RetentionDays int `json:"retention_days"` // 1 to 3650
	MaxPositions  int `json:"max_positions"`  // 1000 to 100 000 000, of all devices
}

func (c config) retention() time.Duration { return time.Duration(c.RetentionDays) * 24 * time.Hour }

// parseConfig reads a configuration strictly and reports everything that is wrong
// with it. What is not said, nil and null included, has its default.
func parseConfig(data json.RawMessage) (config, error) {
	c := config{RetentionDays: 30, MaxPositions: 1_000_000}
	if len(data) == 0 {
		return c, nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return config{}, errors.New("reading the configuration: more than one JSON value")
	}
	var errs []error
	if c.RetentionDays < 1 || c.RetentionDays > 3650 {
		errs = append(errs, fmt.Errorf("retention_days is %d, but must be between 1 and 3650", c.RetentionDays))
	}
	if c.MaxPositions < 1000 || c.MaxPositions > 100_000_000 {
		errs = append(errs, fmt.Errorf("max_positions is %d, but must be between 1000 and 100000000", c.MaxPositions))
	}
	if err := errors.Join(errs...); err != nil {
		return config{}, err
	}
	return c, nil
}
