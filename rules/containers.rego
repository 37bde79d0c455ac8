# The containers and their rights.
package sum_api

import rego.v1

rules["images-by-digest"] := "Images are used by digest, because a digest always means the same image."

rules["read-only-root"] := "Every root filesystem is read-only."

rules["nobody-is-root"] := "Every container runs as a user that is not root, without added capabilities."

rules["keys-by-reference"] := "A key reaches a container as a reference to SSM, never as a value."

rules["keys-checked-twice"] := "The API checks keys behind the sidecar as well."

rules["drains-before-the-kill"] := "A container can finish its drain before ECS kills it."

deny contains {"rule": "images-by-digest", "address": entry.address, "detail": entry.container.image} if {
	some entry in containers
	not regex.match(`@sha256:[0-9a-f]{64}$`, entry.container.image)
}

deny contains {
	"rule": "read-only-root", "address": entry.address, "detail": entry.container.name,
	"topic": "access", "text": sprintf("%s: the root filesystem is writable", [entry.container.name]),
} if {
	some entry in containers
	not entry.container.readonlyRootFilesystem == true
}

deny contains {
	"rule": "nobody-is-root", "address": entry.address, "detail": entry.container.name,
	"topic": "access", "text": sprintf("%s: runs as root or privileged", [entry.container.name]),
} if {
	some entry in containers
	not unprivileged(entry.container)
}

unprivileged(container) if {
	regex.match(`^[1-9][0-9]*(:[1-9][0-9]*)?$`, container.user)
	not container.privileged == true
	not container.linuxParameters.capabilities.add
}

deny contains {
	"rule": "keys-by-reference", "address": entry.address, "detail": sprintf("%s: %s", [entry.container.name, setting.name]),
	"topic": "access", "text": sprintf("%s: %s is readable in the environment", [entry.container.name, setting.name]),
} if {
	some entry in containers
	some setting in entry.container.environment
	holds_key(setting.name)
}

# A key that the plan removes is also in the plan.
leaks contains {"path": sprintf("%s.change.%s.container_definitions", [resource.address, side]), "what": "a key in a container's environment"} if {
	some resource in input.resource_changes
	some side in ["before", "after"]
	is_string(resource.change[side].container_definitions)
	some container in json.unmarshal(resource.change[side].container_definitions)
	some setting in container.environment
	holds_key(setting.name)
}

holds_key(name) if {
	regex.match(`API_KEY|SECRET|PASSWORD|TOKEN`, name)
	not regex.match(`^REQUIRE_|_(PARAMETER|VERSION)$`, name)
}

deny contains {
	"rule": "keys-checked-twice", "address": entry.address, "detail": entry.container.name,
	"topic": "access", "text": sprintf("%s: the API no longer checks keys itself", [entry.container.name]),
} if {
	some entry in containers
	some value in values(entry.container, "REQUIRE_API_KEY")
	value != "true"
}

deny contains {
	"rule": "drains-before-the-kill", "address": entry.address, "detail": sprintf("%s: killed after %d s, drains for %s", [entry.container.name, stop, drain]),
	"topic": "availability", "text": sprintf("%s: killed after %d s, while it still drains for %s: requests are cut", [entry.container.name, stop, replace(drain, "s", " s")]),
} if {
	some entry in containers
	some drain in values(entry.container, "DRAIN_TIMEOUT")

	# The default of ECS.
	stop := object.get(entry.container, "stopTimeout", 30)
	to_number(trim_suffix(drain, "s")) >= stop
}
