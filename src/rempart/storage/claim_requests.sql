-- What people ask about claims, from the pages.

-- name: ask_cancel
-- Asks that a claim be taken back; for the pages, one of the asker's own establishment.
SELECT claims.ask_cancel(%(claim_ref)s, NULL, NULL, %(reason)s);

-- name: add_watch
-- Has the new claims of an establishment wait.
INSERT INTO claims.watch (watch_ref, establishment_ref, insurer_id, reason, placed_by)
VALUES (%(watch_ref)s, %(establishment_ref)s, %(insurer_id)s, %(reason)s, %(placed_by)s);

-- name: end_watch
-- Ends a watch.
UPDATE claims.watch SET ended_by = %(by_ref)s, ended_at = clock_timestamp() WHERE watch_ref = %(watch_ref)s AND ended_at IS NULL;

-- name: release_watched
-- Lets the claims go on that a watch made wait.
UPDATE claims.hold SET decision = 'release', decided_by = %(by_ref)s, decided_at = clock_timestamp()
WHERE watch_ref = %(watch_ref)s AND decision IS NULL;

-- name: can_hold
-- Whether a claim of the holder's waits for its turn.
SELECT claims.is_of(%(claim_ref)s, %(insurer_id)s);

-- name: is_held
-- Whether the holder holds a claim already.
SELECT EXISTS (SELECT FROM claims.hold WHERE claim_ref = %(claim_ref)s AND insurer_id = %(insurer_id)s AND decision IS NULL);

-- name: add_hold
-- Has one claim wait.
INSERT INTO claims.hold (hold_ref, claim_ref, insurer_id, reason, placed_by)
VALUES (%(hold_ref)s, %(claim_ref)s, %(insurer_id)s, %(reason)s, %(placed_by)s);

-- name: decide_hold
-- Decides on a claim that is held.
UPDATE claims.hold SET decision = %(decision)s, why = %(why)s, decided_by = %(by_ref)s, decided_at = %(at)s
WHERE hold_ref = %(hold_ref)s AND decision IS NULL;

-- name: list_watches
-- Watches in force that the asker may end.
SELECT watch_ref, establishment_ref, insurer_id, reason, placed_at FROM claims.watch WHERE ended_at IS NULL ORDER BY placed_at;

-- name: list_holds
-- Claims that wait for the asker.
SELECT hold_ref, claim_ref, insurer_id, watch_ref, reason, placed_at FROM claims.hold WHERE decision IS NULL ORDER BY placed_at;
