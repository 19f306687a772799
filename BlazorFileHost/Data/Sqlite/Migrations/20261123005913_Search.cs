using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorFileHost.Data.Sqlite.Migrations
{
    /// <summary>
    /// The index of names (SqliteFileHostContext.MightBeNamed). The model does not know of it: whoever lets Entity Framework make the table File anew
    /// takes "Number" and the triggers along. A test looks for them.
    /// </summary>
    public partial class Search : Migration
    {
        private const string Columns = """
            "Id", "OwnerId", "FolderId", "Name", "NameKey", "Size", "ContentType", "Sha256", "StorageKey", "Created", "Modified", "Version", "Damaged",
            "NextCheck", "Verified", "Crc32", "ActionId", "FromFolderId", "FromName", "Purged", "State", "StateSince"
            """;

        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("""
                CREATE TABLE "FileNumbered" (
                    "Number" INTEGER PRIMARY KEY,
                    "Id" TEXT NOT NULL CONSTRAINT "PK_File" UNIQUE,
                    "OwnerId" TEXT NOT NULL,
                    "FolderId" TEXT NOT NULL,
                    "Name" TEXT NOT NULL,
                    "NameKey" TEXT COLLATE BINARY NOT NULL,
                    "Size" INTEGER NOT NULL,
                    "ContentType" TEXT NOT NULL,
                    "Sha256" BLOB NOT NULL,
                    "StorageKey" TEXT NOT NULL,
                    "Created" TEXT NOT NULL,
                    "Modified" TEXT NOT NULL,
                    "Version" TEXT NOT NULL,
                    "Damaged" TEXT NULL,
                    "NextCheck" TEXT NOT NULL DEFAULT '2000-01-01 00:00:00',
                    "Verified" TEXT NULL,
                    "Crc32" INTEGER NULL,
                    "ActionId" TEXT NULL,
                    "FromFolderId" TEXT NULL,
                    "FromName" TEXT NULL,
                    "Purged" TEXT NULL,
                    "State" INTEGER NOT NULL DEFAULT 0,
                    "StateSince" TEXT NULL,
                    CONSTRAINT "FK_File_AspNetUsers_OwnerId" FOREIGN KEY ("OwnerId") REFERENCES "AspNetUsers" ("Id") ON DELETE CASCADE
                );
                """);
            migrationBuilder.Sql($"""INSERT INTO "FileNumbered" ({Columns}) SELECT {Columns} FROM "File";""");
            migrationBuilder.Sql("""DROP TABLE "File";""");
            migrationBuilder.Sql("""ALTER TABLE "FileNumbered" RENAME TO "File";""");
            foreach (var index in (string[])
            [
                """CREATE INDEX "IX_File_OwnerId_FolderId_Modified" ON "File" ("OwnerId", "FolderId", "Modified");""",
                """CREATE UNIQUE INDEX "IX_File_OwnerId_FolderId_NameKey" ON "File" ("OwnerId", "FolderId", "NameKey");""",
                """CREATE INDEX "IX_File_OwnerId_FolderId_Size" ON "File" ("OwnerId", "FolderId", "Size");""",
                """CREATE INDEX "IX_File_NextCheck" ON "File" ("NextCheck");""",
                """CREATE INDEX "IX_File_StorageKey" ON "File" ("StorageKey");""",
                """CREATE INDEX "IX_File_ActionId" ON "File" ("ActionId") WHERE "ActionId" IS NOT NULL;""",
                """CREATE INDEX "IX_File_OwnerId_State_StateSince" ON "File" ("OwnerId", "State", "StateSince") WHERE "StateSince" IS NOT NULL;""",
                """CREATE INDEX "IX_File_Purged" ON "File" ("Purged") WHERE "Purged" IS NOT NULL;""",
                """CREATE INDEX "IX_File_StateSince" ON "File" ("StateSince") WHERE "StateSince" IS NOT NULL;""",
            ])
            {
                migrationBuilder.Sql(index);
            }

            // Names of versions and small pictures (from State 2 on) are no names that anybody looks for.
            migrationBuilder.Sql("""
                CREATE VIRTUAL TABLE "FileSearch" USING fts5("NameKey", tokenize = 'trigram case_sensitive 1', content = '', contentless_delete = 1, detail = none);
                """);
            migrationBuilder.Sql("""INSERT INTO "FileSearch" (rowid, "NameKey") SELECT "Number", "NameKey" FROM "File" WHERE "State" < 2;""");
            migrationBuilder.Sql("""
                CREATE TRIGGER "FileSearch_Insert" AFTER INSERT ON "File" WHEN new."State" < 2 BEGIN
                    INSERT INTO "FileSearch" (rowid, "NameKey") VALUES (new."Number", new."NameKey");
                END;
                """);
            migrationBuilder.Sql("""
                CREATE TRIGGER "FileSearch_Delete" AFTER DELETE ON "File" WHEN old."State" < 2 BEGIN
                    DELETE FROM "FileSearch" WHERE rowid = old."Number";
                END;
                """);
            migrationBuilder.Sql("""
                CREATE TRIGGER "FileSearch_Update" AFTER UPDATE OF "NameKey", "State" ON "File"
                WHEN old."NameKey" <> new."NameKey" OR (old."State" < 2) <> (new."State" < 2) BEGIN
                    DELETE FROM "FileSearch" WHERE rowid = old."Number";
                    INSERT INTO "FileSearch" (rowid, "NameKey") SELECT new."Number", new."NameKey" WHERE new."State" < 2;
                END;
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            // The numbers may stay.
            foreach (var trigger in (string[])["Insert", "Delete", "Update"])
            {
                migrationBuilder.Sql($"""DROP TRIGGER "FileSearch_{trigger}";""");
            }

            migrationBuilder.Sql("""DROP TABLE "FileSearch";""");
        }
    }
}
