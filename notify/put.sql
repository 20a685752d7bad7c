-- A message once by its key, and a delivery of it for each channel: one row that tells whether it is new.
WITH
-- Whoever puts the same at the same time waits here for the other's end, and then finds it there.
message AS (
    INSERT INTO notify_message (organisation_id, key, kind, subject, together, content, notice_id)
    VALUES (%(organisation)s, %(key)s, %(kind)s, %(subject)s, %(together)s, %(content)s::jsonb, %(notice)s)
        ON CONFLICT (organisation_id, key) DO NOTHING
    RETURNING id, organisation_id
),
-- Only the organisation's own channels: a foreign id finds none. Whoever deletes one waits until this is told, or this
-- waits for the end of that, and passes it over.
sent AS (
    INSERT INTO quotas_noticedelivery (message_id, channel_id, ended)
    SELECT message.id, channel.id, %(ended)s
      FROM message JOIN quotas_noticechannel AS channel USING (organisation_id)
     WHERE channel.is_active AND (%(channels)s::bigint[] IS NULL OR channel.id = ANY (%(channels)s::bigint[]))
     ORDER BY channel.id
       FOR KEY SHARE OF channel
)
SELECT EXISTS (SELECT FROM message)
