"""How Alembic runs our migrations: on the connection that `store.schema` hands over."""

from alembic import context

from memorycapsule.store.rows import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    render_as_batch=True,
    compare_type=True,
    # The caller's transaction holds all of it: an upgrade happens whole or not at all.
    transactional_ddl=True,
)
context.run_migrations()
