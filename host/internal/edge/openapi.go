package edge

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/host/internal/router"
)

// object is a JSON object; it is written with its keys in order.
type object = map[string]any

// buildOpenAPI describes the listed types as an OpenAPI 3.1 document, an operation
// each. A schema that a bundle declares appears under components with its local
// references rewritten; nothing in the document refers out of it.
func (e *edge) buildOpenAPI(t *router.Table) ([]byte, error) {
	schemas := newHoister()
	schemas.components["Problem"] = problemSchema()
	paths := object{}
	for _, rt := range t.Types() {
		if rt.Listed() {
			paths["/v1/requests/"+url.PathEscape(rt.Type)] = object{"post": operation(rt, schemas)}
		}
	}
	return json.Marshal(object{
		"openapi":           "3.1.0",
		"jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
		"info": object{
			"title":       "Jackfield requests",
			"version":     e.cfg.Version,
			"description": "Request types of the extensions that this host runs. Errors are application/problem+json (RFC 9457); programs branch on their code.",
		},
		"paths": paths,
		"components": object{
			"schemas":    schemas.components,
			"responses":  problemResponses(),
			"parameters": parameters(),
			"headers":    answerHeaders(),
		},
	})
}

func operation(rt *router.Route, schemas *hoister) object {
	anything := object{"*/*": object{}}
	request, response := anything, anything
	if !rt.Opaque() {
		request = jsonContent(schemas.add(rt.Extension, rt.Type, rt.Schema))
	}
	if raw := rt.Responses.Schema(rt.Response); raw != nil {
		response = jsonContent(schemas.add(rt.Extension, rt.Response, raw))
	}
	responses := object{"200": object{
		"description": "A " + rt.Response + ", or a type derived from it: the header Response-Type says which.",
		"headers": object{
			"Response-Type":     object{"$ref": "#/components/headers/Response-Type"},
			"Extension-Id":      object{"$ref": "#/components/headers/Extension-Id"},
			"Extension-Version": object{"$ref": "#/components/headers/Extension-Version"},
			"Request-Id":        object{"$ref": "#/components/headers/Request-Id"},
		},
		"content": response,
	}}
	for _, s := range statuses() {
		if s.code != methodNotAllowed {
			responses[strconv.Itoa(s.status)] = object{"$ref": "#/components/responses/Problem" + strconv.Itoa(s.status)}
		}
	}
	return object{
		"operationId": rt.Type,
		"summary":     rt.Type[strings.LastIndexByte(rt.Type, '.')+1:],
		"tags":        []string{rt.Extension},
		"parameters": []object{
			{"$ref": "#/components/parameters/Request-Timeout"},
			{"$ref": "#/components/parameters/Request-Id"},
		},
		"requestBody":  object{"required": !rt.Opaque(), "content": request},
		"responses":    responses,
		"x-base":       rt.Base,
		"x-extension":  rt.Extension,
		"x-version":    rt.Version,
		"x-state":      string(rt.State),
		"x-response":   rt.Response,
		"x-media-type": mediaRule(rt),
	}
}

// mediaRule says in words which media types a request may have.
func mediaRule(rt *router.Route) string {
	if rt.Opaque() {
		return "any; application/octet-stream where there is no Content-Type"
	}
	return "application/json or any …+json"
}

func jsonContent(ref string) object {
	return object{"application/json": object{"schema": object{"$ref": ref}}}
}

// problemSchema describes what problem writes.
func problemSchema() object {
	codes := []string{}
	for _, s := range statuses() {
		codes = append(codes, string(s.code))
	}
	text := object{"type": "string"}
	return object{
		"type":     "object",
		"required": []string{"type", "title", "status", "code", "detail", "request_id", "extension", "retryable"},
		"properties": object{
			"type": text, "title": text, "detail": text, "request_id": text,
			"status":    object{"type": "integer"},
			"code":      object{"type": "string", "enum": codes},
			"extension": object{"type": "string", "description": "The extension that is concerned, empty when there is none."},
			"retryable": object{"type": "boolean", "description": "True when the request was certainly not executed."},
			"errors": object{
				"description": "Where the payload breaks its schema.",
				"type":        "array",
				"items": object{
					"type": "object", "required": []string{"pointer", "message"},
					"properties": object{
						"pointer": object{"type": "string", "description": "A JSON pointer (RFC 6901) into the payload."},
						"message": text,
					},
				},
			},
		},
	}
}

// problemResponses has one response for each status, which may stand for several
// codes.
func problemResponses() object {
	codes := map[int][]string{}
	for _, s := range statuses() {
		codes[s.status] = append(codes[s.status], string(s.code))
	}
	responses := object{}
	for _, s := range statuses() {
		response := object{
			"description": fmt.Sprintf("%s: %s", s.title, strings.Join(codes[s.status], " or ")),
			"content":     object{"application/problem+json": object{"schema": object{"$ref": schemaPlace + "Problem"}}},
			"headers":     object{"Request-Id": object{"$ref": "#/components/headers/Request-Id"}},
		}
		responses["Problem"+strconv.Itoa(s.status)] = response
	}
	return responses
}

func parameters() object {
	header := func(name, description string, schema object) object {
		return object{"name": name, "in": "header", "required": false, "description": description, "schema": schema}
	}
	return object{
		"Request-Timeout": header("Request-Timeout",
			"Seconds after which the answer is of no use, fractions allowed. Above the host's limit it is that limit.",
			object{"type": "number", "exclusiveMinimum": 0}),
		"Request-Id": header("Request-Id",
			"A name for the request in the logs of host and extension. Any other than this pattern is replaced.",
			object{"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}),
	}
}

func answerHeaders() object {
	text := func(description string) object {
		return object{"description": description, "schema": object{"type": "string"}}
	}
	return object{
		"Response-Type":     text("Full name of the type that the payload has."),
		"Extension-Id":      text("The extension that answered."),
		"Extension-Version": text("Its version."),
		"Request-Id":        text("Names the request in the logs of host and extension."),
	}
}
