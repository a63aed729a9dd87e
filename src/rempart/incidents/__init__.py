"""Attribution of sessions and exposure of persons. Pure: same inputs and rules give the same list."""
