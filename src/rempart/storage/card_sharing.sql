-- Children on two adults' cards: see the functions.

-- name: share_child
-- Puts the child on a line of a card on another adult's card too.
SELECT rights.share_child(%(serial)s, %(line)s::smallint, %(with_serial)s);

-- name: unshare_child
-- Takes the child on a line of a card off it.
SELECT rights.unshare_child(%(serial)s, %(line)s::smallint);
