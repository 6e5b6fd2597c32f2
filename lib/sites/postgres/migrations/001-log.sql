-- The change log of shared galleries (lib/sites/change-log.ts). Contents are sealed before they come here.
-- Row-level security: a login sees the galleries that it owns or that it was let into, and nothing of others. It is
-- forced on the owner of the tables too; a later migration that changes rows must lift that first.
-- search_path is pg_catalog alone: everything else is named with its schema.

create table facewire.galleries (
  key integer generated always as identity primary key,
  id text not null unique default pg_catalog.encode(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()), 'hex'),
  name text not null unique,
  -- Roles: a login that is one of them, or is a member of one of them.
  owner name not null default current_user,
  writers name[] not null default '{}',
  readers name[] not null default '{}',
  salt bytea not null,
  -- By which a site sees whether it has the gallery's key.
  key_check text,
  -- The newest number that was given.
  head bigint not null default 0,
  -- Of the server that gave it: see facewire.life().
  life text,
  created_at timestamptz not null default pg_catalog.clock_timestamp()
) with (fillfactor = 50);

create table facewire.epochs (
  gallery integer not null references facewire.galleries on delete cascade,
  place bigint generated always as identity,
  id text not null default pg_catalog.encode(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()), 'hex'),
  began_at bigint not null,
  primary key (gallery, place)
);

-- Of each record the newest version; without content it was deleted.
create table facewire.records (
  gallery integer not null references facewire.galleries on delete cascade,
  kind text not null,
  id text not null,
  number bigint not null,
  content bytea,
  site text not null,
  at timestamptz not null default pg_catalog.clock_timestamp(),
  primary key (gallery, kind, id)
);
create unique index records_number on facewire.records (gallery, number);
create index records_deleted on facewire.records (gallery, number) where content is null;
-- What is sealed cannot be made smaller.
alter table facewire.records alter column content set storage external;

create table facewire.sites (
  gallery integer not null references facewire.galleries on delete cascade,
  id text not null,
  name text not null,
  followed bigint not null default 0,
  answered_at timestamptz not null default pg_catalog.clock_timestamp(),
  primary key (gallery, id)
);

create function facewire.is_one_of(roles name[]) returns boolean
language sql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
  -- By pg_roles: a role that is gone would be an error.
  select exists (select from pg_roles where rolname = any (roles) and pg_has_role(oid, 'member'))
$$;

alter table facewire.migrations enable row level security;
create policy everybody_reads on facewire.migrations for select using (true);

alter table facewire.galleries enable row level security;
alter table facewire.galleries force row level security;
create policy ours on facewire.galleries for select using (facewire.is_one_of(owner || writers || readers));
create policy makes on facewire.galleries for insert with check (facewire.is_one_of(array[owner]));
create policy writes on facewire.galleries for update using (facewire.is_one_of(owner || writers));
create policy removes on facewire.galleries for delete using (facewire.is_one_of(array[owner]));

alter table facewire.epochs enable row level security;
alter table facewire.epochs force row level security;
create policy ours on facewire.epochs for select using (gallery in (select key from facewire.galleries));
create policy writes on facewire.epochs
  using (gallery in (select key from facewire.galleries where facewire.is_one_of(owner || writers)));

alter table facewire.records enable row level security;
alter table facewire.records force row level security;
create policy ours on facewire.records for select using (gallery in (select key from facewire.galleries));
create policy writes on facewire.records
  using (gallery in (select key from facewire.galleries where facewire.is_one_of(owner || writers)));

-- Who only reads gives receipts too.
alter table facewire.sites enable row level security;
alter table facewire.sites force row level security;
create policy ours on facewire.sites using (gallery in (select key from facewire.galleries));

-- Another one after each start of the server and each time the tables were made: whatever brings an older state back
-- (a dump, a snapshot of the disk, a standby that takes over) shows in it.
create function facewire.life() returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select concat_ws(' ', extract(epoch from pg_postmaster_start_time()), database.oid, pg_relation_filenode('facewire.galleries'))
  from pg_database as database where datname = current_database()
$$;

-- Locks the gallery, so that numbers are given in the order of commits, and begins an epoch where the server is another.
create function facewire.enter(my_gallery integer) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  mine facewire.galleries;
begin
  select * into mine from facewire.galleries where key = my_gallery for update;
  if mine.life is distinct from facewire.life() then
    insert into facewire.epochs (gallery, began_at) values (my_gallery, mine.head);
    delete from facewire.epochs where gallery = my_gallery and place <= (
      select place from facewire.epochs where gallery = my_gallery order by place desc offset 50 limit 1);
    update facewire.galleries set life = facewire.life() where key = my_gallery;
  end if;
  return mine.head;
end
$$;

-- All of it or nothing; see ChangeLog.push. Size null deletes; contents stand one after the other.
create function facewire.push(
  my_gallery integer, my_site text, kinds text[], ids text[], bases bigint[], sizes integer[], contents bytea)
returns table (stale boolean, kind text, id text, number bigint, content bytea, site text, at timestamptz)
language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  before bigint;
  after bigint;
begin
  before := facewire.enter(my_gallery);
  return query
    select true, there.kind, there.id, there.number, there.content, there.site, there.at
    from unnest(kinds, ids, bases, sizes) as change (kind, id, base, size)
    join facewire.records as there
      on there.gallery = my_gallery and there.kind = change.kind and there.id = change.id
    where change.size is not null and there.number <> change.base
    order by there.number;
  if found then
    return;
  end if;
  insert into facewire.records as there (gallery, kind, id, number, content, site, at)
    select my_gallery, kind, id, before + place, substring(contents from start::integer for size), my_site, clock_timestamp()
    from (
      select kind, id, size, place, 1 + sum(coalesce(size, 0)) over (order by place) - coalesce(size, 0) as start
      from unnest(kinds, ids, sizes) with ordinality as change (kind, id, size, place)
    ) as change
    on conflict (gallery, kind, id) do update
      set number = excluded.number, content = excluded.content, site = excluded.site, at = excluded.at;
  after := before + cardinality(kinds);
  update facewire.galleries set head = after where key = my_gallery;
  perform pg_notify('facewire_' || galleries.id, after::text) from facewire.galleries where key = my_gallery;
  return query select false, null::text, null::text, after, null::bytea, null::text, null::timestamptz;
end
$$;
