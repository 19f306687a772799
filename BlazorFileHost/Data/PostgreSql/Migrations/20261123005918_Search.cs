using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorFileHost.Data.PostgreSql.Migrations
{
    /// <summary>
    /// The index by which names are found: each three characters of them (pg_trgm, postgresql.org/docs/current/pgtrgm.html). Where the server lacks that
    /// extension, or does not let us have it, everything is found all the same, only more slowly.
    /// </summary>
    public partial class Search : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
            DO $$
            BEGIN
                CREATE EXTENSION IF NOT EXISTS pg_trgm;
                CREATE INDEX "IX_File_NameKey_Threes" ON "File" USING gin ("NameKey" gin_trgm_ops) WHERE "State" < 2;
            EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
                RAISE NOTICE 'Names are found without an index: %', SQLERRM;
            END
            $$;
            """);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""DROP INDEX IF EXISTS "IX_File_NameKey_Threes";""");
    }
}
