package main

import "github.com/paulmach/orb"

// The GeoJSON (RFC 7946) that is answered. The schemas of the responses are made
// from these types. orb/geojson is not used: its untyped properties give no schema,
// and it brings a BSON codec along.

// featureCollection is a CurrentPositionsResponse.
type featureCollection struct {
	Type     string         `json:"type" jsonschema:"enum=FeatureCollection"`
	Features []pointFeature `json:"features"`
}

type pointFeature struct {
	Type       string          `json:"type" jsonschema:"enum=Feature"`
	Geometry   point           `json:"geometry"`
	Properties pointProperties `json:"properties"`
}

type point struct {
	Type        string    `json:"type" jsonschema:"enum=Point"`
	Coordinates orb.Point `json:"coordinates"`
}

type pointProperties struct {
	Device  string   `json:"device"`
	Time    string   `json:"time"`
	Speed   *float64 `json:"speed,omitempty" jsonschema:"description=metres a second"`
	Heading *float64 `json:"heading,omitempty" jsonschema:"description=degrees clockwise from true north"`
}

// trackFeature is a TrackResponse.
type trackFeature struct {
	Type string `json:"type" jsonschema:"enum=Feature"`
	// Geometry is nil, null in JSON, where there are fewer than the two positions
	// that a LineString must have.
	Geometry   *line           `json:"geometry" jsonschema:"nullable"`
	Properties trackProperties `json:"properties"`
}

type line struct {
	Type        string      `json:"type" jsonschema:"enum=LineString"`
	Coordinates []orb.Point `json:"coordinates" jsonschema:"minItems=2"`
}

type trackProperties struct {
	Device string `json:"device"`
	// Count is the number of positions in the range, before simplification.
	Count int `json:"count" jsonschema:"description=positions of the whole track before simplification"`
	// DistanceM is the length of the whole track in metres, before simplification.
	DistanceM float64 `json:"distance_m" jsonschema:"description=length of the whole track in metres before simplification"`
	// First and Last are the times of the first and last position, if any.
	First string `json:"first,omitempty"`
	Last  string `json:"last,omitempty"`
	// Antimeridian is true when the line jumps between 180 and -180 degrees.
	Antimeridian bool `json:"antimeridian,omitempty"`
}
