-- Messages that members find suspicious: text and photograph are sealed, what makes two alike is keyed (psycopg, role portals).

-- name: add_report
-- Writes what a member sends their insurer.
INSERT INTO notices.suspicious (report_ref, insurer_id, person_ref, made_at, medium, came_on, acted, message, photo, photo_kind, marks, sketch)
VALUES (%(report_ref)s, %(insurer_id)s, %(person_ref)s, %(made_at)s, %(medium)s, %(came_on)s, %(acted)s, %(message)s, %(photo)s,
        %(photo_kind)s, %(marks)s::bytea[], %(sketch)s);

-- name: list_reports
-- Reports the visitor may see since an instant, the newest first, without what they hold; those that wait before all others, if asked.
SELECT report_ref, made_at, medium, came_on, acted, photo_kind, marks, sketch, state, verdict, answered_at
FROM notices.suspicious
WHERE made_at >= %(since)s
ORDER BY (%(waiting_first)s::boolean AND state = 'new') DESC, made_at DESC, report_ref
LIMIT %(limit)s::bigint;

-- name: load_report
-- One report with its sealed text, for whoever may see it.
SELECT report_ref, insurer_id, person_ref, made_at, medium, came_on, acted, message, photo_kind, state, verdict, answer, answered_at
FROM notices.suspicious WHERE report_ref = %(report_ref)s;

-- name: load_photo
-- The sealed photograph of a report, and whose it is.
SELECT insurer_id, person_ref, photo, photo_kind FROM notices.suspicious WHERE report_ref = %(report_ref)s AND photo IS NOT NULL;

-- name: is_like_fraud
-- Whether a message names what earlier frauds named, of the member's insurer.
SELECT notices.is_like_fraud(%(marks)s::bytea[]);

-- name: answer_report
-- Writes the verdict on a report that has none; of two at once, the second gets no row.
UPDATE notices.suspicious
SET state = 'answered', verdict = %(verdict)s, answer = %(answer)s, answered_by = %(answered_by)s, answered_at = %(answered_at)s
WHERE report_ref = %(report_ref)s AND state = 'new'
RETURNING report_ref;
