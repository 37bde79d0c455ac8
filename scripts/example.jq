# Prints the first operation of a service's document that is not a probe, with its first examples. One line each: method,
# path, type of the security scheme, request body, response body. A line is empty if the operation does not have the item.
. as $document
| def resolved:
    if has("$ref") then . as $reference | $document | getpath($reference["$ref"] | ltrimstr("#/") | split("/")) else . end;
  def example:
    resolved | .content["application/json"].examples // {} | map(resolved.value | tojson) | first // "";
  [ .paths | to_entries[] | .key as $path | .value | to_entries[]
    | select((.key | IN("get", "put", "post", "delete", "patch")) and (.value | has("x-probe") | not))
    | .value + { method: (.key | ascii_upcase), path: $path } ]
| first
| .method, .path,
  (.security // $document.security | first // {} | keys | first // empty | $document.components.securitySchemes[.].type) // "",
  (.requestBody // {} | example),
  (.responses | with_entries(select(.key | startswith("2"))) | map(example) | first)
