"""Attribution of sessions, exposure of persons. Pure: same inputs and rules, same list."""
