# Written for a Terraform plan (terraform show -json), and as it stands for a change set: every role that comes or
# changes has a permissions boundary, and not just anybody may take it.
package main

import rego.v1

touched_roles contains role if {
	some role in input.resource_changes
	role.type == "aws_iam_role"
	some action in role.change.actions
	action in {"create", "update"}
}

deny contains msg if {
	some role in touched_roles
	role.change.after.permissions_boundary == null
	msg := sprintf("%s: a role needs a permissions boundary", [role.address])
}

deny contains msg if {
	some role in touched_roles
	trust := json.unmarshal(role.change.after.assume_role_policy)
	some statement in trust.Statement
	statement.Effect == "Allow"
	anybody(statement.Principal)
	msg := sprintf("%s: anybody may take this role", [role.address])
}

anybody(principal) if principal == "*"

# Of AWS's identities an asterisk is everyone of them, whatever their account.
anybody(principal) if principal.AWS == "*"

anybody(principal) if {
	is_array(principal.AWS)
	"*" in principal.AWS
}
