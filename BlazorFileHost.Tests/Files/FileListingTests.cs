using System.Collections;
using System.Reflection;
using AngleSharp.Dom;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using Bunit;
using Bunit.TestDoubles;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.JSInterop;
using Radzen;
using Radzen.Blazor;

namespace BlazorFileHost.Tests.Files;

/// <summary>The list of files as a person meets it: what it shows, how it is chosen from, how it follows.</summary>
public sealed class FileListingTests : ListingTest
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task Without_files_it_says_what_to_do()
    {
        await OpenAsync(0);

        Assert.Equal("No files yet", list.Find(".empty h2").TextContent);
        Assert.Equal("Drop files anywhere on this page, or choose “Upload files”.", list.Find(".empty p").TextContent);
        Assert.Empty(list.FindAll("[role=grid]"));
        Assert.Equal("", Summary);
    }

    [Fact]
    public async Task While_the_first_answer_is_on_its_way_it_is_busy_and_not_empty()
    {
        await PlantAsync("a.txt");
        var asked = Contexts.Hold();

        Open();
        await asked;

        Assert.Equal("true", Grid.GetAttribute("aria-busy"));
        Assert.Empty(list.FindAll(".empty"));
        Contexts.LetGo();
        list.WaitForAssertion(() => Assert.Equal("false", Grid.GetAttribute("aria-busy")));
        list.WaitForAssertion(() => Assert.Equal(["a.txt"], Names()));
    }

    [Fact, Trait("Battery", "INT-01")]
    public async Task A_file_whose_bytes_are_damaged_stays_in_the_list_and_says_so()
    {
        var file = await PlantAsync("a.txt");
        await PlantAsync("b.txt");
        await using (var context = Contexts.CreateDbContext())
        {
            context.Files.Attach(file).Entity.Damaged = Clock.GetUtcNow().UtcDateTime;
            await context.SaveChangesAsync();
        }

        await OpenAsync(2);

        Assert.Equal("Damaged", Row("a.txt").QuerySelector(".damaged")!.TextContent);
        Assert.Null(Row("b.txt").QuerySelector(".damaged"));
    }

    [Fact]
    public async Task Every_file_is_a_row_that_is_named_by_it()
    {
        var file = await PlantAsync("report.pdf", 2048, new DateTime(2026, 3, 14, 8, 5, 0, DateTimeKind.Utc));
        await PlantAsync("yesterday.txt", 1, new DateTime(2026, 3, 13, 8, 0, 0, DateTimeKind.Utc));
        await PlantAsync("this year.txt", 5_000_000, new DateTime(2026, 1, 2, 23, 30, 0, DateTimeKind.Utc));
        await PlantAsync("before.txt", 0, new DateTime(2024, 1, 2, 8, 0, 0, DateTimeKind.Utc));

        await OpenAsync(4);

        var row = Row("report.pdf");
        Assert.Equal("2 KB", row.QuerySelector(".size")!.TextContent);
        Assert.Equal("2,048 bytes", row.QuerySelector(".size")!.GetAttribute("title"));
        // In the person's own time.
        Assert.Equal("Today, 09:05", row.QuerySelector(".modified")!.TextContent);
        Assert.Equal("Saturday, 14 March 2026, 09:05:00", row.QuerySelector(".modified")!.GetAttribute("title"));
        Assert.Equal(["2 Jan 2024", "Today, 09:05", "3 Jan, 00:30", "Yesterday, 09:00"], list.FindAll("[role=row] > .modified[role=gridcell]").Select(cell => cell.TextContent));
        Assert.Equal($"files/{file.Id}", row.QuerySelector("[aria-label='Download report.pdf']")!.GetAttribute("href"));
        Assert.NotNull(row.QuerySelector("button[aria-label='Delete report.pdf']"));
        Assert.Equal("3", row.GetAttribute("aria-rowindex"));
        Assert.Equal("5", Grid.GetAttribute("aria-rowcount"));
        Assert.Equal("4 files · 4.77 MB", Summary);
    }

    [Fact, Trait("Battery", "LOG-01")]
    public async Task When_the_database_is_away_it_says_so_with_an_id_and_logs_it_once()
    {
        await PlantAsync("a.txt");
        Contexts.Failure = new InvalidOperationException("SQLite Error 14: 'unable to open database file /secret/filehost.db'.");

        Open();

        list.WaitForAssertion(() => Assert.NotEmpty(list.FindAll("[role=alert]")));
        var said = list.Find("[role=alert] p").TextContent;
        Assert.Matches("^Something went wrong on the server \\(id [0-9a-f]{8}\\). Try again in a moment.$", said);
        Assert.DoesNotContain("secret", list.Markup, StringComparison.Ordinal);
        Assert.DoesNotContain("SQLite", list.Markup, StringComparison.Ordinal);
        var line = Assert.Single(Log.Errors);
        Assert.Contains(said.Split("id ")[1][..8], line.Text, StringComparison.Ordinal);
        Assert.Same(Contexts.Failure, line.Failure);

        Contexts.Failure = null;
        list.Find("[role=alert] button").Click();

        list.WaitForAssertion(() => Assert.Equal(["a.txt"], Names()));
        Assert.Empty(list.FindAll("[role=alert]"));
        Assert.Single(Log.Errors);
    }

    [Fact, Trait("Battery", "LOG-01")]
    public async Task When_the_database_goes_away_later_the_list_says_so_and_comes_back()
    {
        await PlantAsync("a.txt");
        await OpenAsync(1);
        Contexts.Failure = new InvalidOperationException("Gone.");

        Changes.Notify(Owner);

        list.WaitForAssertion(() => Assert.NotEmpty(list.FindAll("[role=alert]")));
        await Clock.TimerSetAsync();
        Assert.Single(Log.Errors);
        Contexts.Failure = null;
        Changes.Notify(Owner);
        Clock.Advance(Pause);
        list.WaitForAssertion(() => Assert.Equal(["a.txt"], Names()));
    }

    [Fact, Trait("Battery", "LOG-01")]
    public async Task When_only_the_rows_cannot_be_read_the_circuit_lives()
    {
        await PlantAsync("a.txt");
        await OpenAsync(1);
        // The count is still answered.
        Contexts.FailsAt = Contexts.Opened + 2;

        Changes.Notify(Owner);

        list.WaitForAssertion(() => Assert.NotEmpty(list.FindAll("[role=alert]")));
        Assert.Single(Log.Errors);
        list.Find("[role=alert] button").Click();
        list.WaitForAssertion(() => Assert.Equal(["a.txt"], Names()));
    }

    [Theory]
    [InlineData("Name", "descending", "c.txt b.txt A.txt", "ascending", "A.txt b.txt c.txt")]
    [InlineData("Size", "ascending", "A.txt c.txt b.txt", "descending", "b.txt c.txt A.txt")]
    [InlineData("Modified", "ascending", "b.txt A.txt c.txt", "descending", "c.txt A.txt b.txt")]
    public async Task A_column_is_sorted_one_way_and_then_the_other(string column, string first, string then, string second, string thereafter)
    {
        await PlantAsync("b.txt", 3, new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        await PlantAsync("A.txt", 1, new DateTime(2026, 1, 2, 0, 0, 0, DateTimeKind.Utc));
        await PlantAsync("c.txt", 2, new DateTime(2026, 1, 3, 0, 0, 0, DateTimeKind.Utc));
        await OpenAsync(3);
        Assert.Equal("ascending none none", Sorts());
        Assert.Equal("A.txt b.txt c.txt", string.Join(' ', Names()));

        Head(column).QuerySelector("button")!.Click();
        list.WaitForAssertion(() => Assert.Equal(then, string.Join(' ', Names())));
        Assert.Equal(first, Head(column).GetAttribute("aria-sort"));
        Head(column).QuerySelector("button")!.Click();
        list.WaitForAssertion(() => Assert.Equal(thereafter, string.Join(' ', Names())));
        Assert.Equal(second, Head(column).GetAttribute("aria-sort"));
        Assert.Equal(2, Sorts().Split(' ').Count(sort => sort == "none"));
    }

    [Fact]
    public async Task It_is_chosen_from_with_the_mouse()
    {
        await PlantManyAsync(6);
        await OpenAsync(6);

        Row("2.txt").Click();
        Assert.Equal(["2.txt"], Selected());
        Assert.Equal("1 selected", list.Find("[role=toolbar] span").TextContent);
        Row("4.txt").Click();
        Assert.Equal(["4.txt"], Selected());
        Row("1.txt").Click(new MouseEventArgs { CtrlKey = true });
        Row("4.txt").Click(new MouseEventArgs { MetaKey = true });
        Assert.Equal(["1.txt"], Selected());
        Row("2.txt").Click();
        Row("5.txt").Click(new MouseEventArgs { ShiftKey = true });
        list.WaitForAssertion(() => Assert.Equal(["2.txt", "3.txt", "4.txt", "5.txt"], Selected()));
        Row("1.txt").Click(new MouseEventArgs { ShiftKey = true });
        list.WaitForAssertion(() => Assert.Equal(["1.txt", "2.txt"], Selected()));

        list.FindAll("[role=toolbar] button").Single(button => button.TextContent == "Clear").Click();

        Assert.Empty(Selected());
        Assert.Empty(list.FindAll(".selection"));
    }

    [Fact, Trait("Battery", "DLR-07")]
    public async Task One_that_is_chosen_is_downloaded_as_it_is_and_several_as_one_archive()
    {
        await PlantManyAsync(4);
        await OpenAsync(4);
        var ids = (await Library.ListIdsAsync(Owner, new(FileColumn.Name, false), 0, 4)).ToList();

        Row("2.txt").Click();
        Assert.Equal("Download", Tool("Download").TextContent);
        Tool("Download").Click();
        list.WaitForAssertion(() => Assert.Equal($"files/{ids[1]}", Assert.Single(browser.Invocations["download"]).Arguments[0]));
        Assert.Empty(browser.Invocations["zip"]);

        Row("4.txt").Click(new MouseEventArgs { ShiftKey = true });
        list.WaitForAssertion(() => Assert.Equal("Download selected", Tool("Download").TextContent));
        Tool("Download").Click();
        list.WaitForAssertion(() => Assert.Equal($"{ids[1]} {ids[2]} {ids[3]}", Assert.Single(browser.Invocations["zip"]).Arguments[1]));
        var form = list.Find("form");
        Assert.Equal(("post", "files/zip", "zip"), (form.GetAttribute("method"), form.GetAttribute("action"), form.GetAttribute("target")));
        Assert.Equal(["2.txt", "3.txt", "4.txt"], Selected());
    }

    [Fact]
    public async Task What_is_gone_is_not_asked_for_and_when_nothing_is_left_it_says_so()
    {
        var (a, b, c) = (await ReceiveAsync("a.txt"), await ReceiveAsync("b.txt"), await ReceiveAsync("c.txt"));
        await OpenAsync(3);
        Row("a.txt").Click();
        Row("c.txt").Click(new MouseEventArgs { ShiftKey = true });
        list.WaitForAssertion(() => Assert.Equal(3, Selected().Length));
        var download = ClickOf(Tool("Download"));

        // Before the list has heard of it.
        await Library.DeleteAsync(Owner, [b.Id]);
        await download();
        list.WaitForAssertion(() => Assert.Equal($"{a.Id} {c.Id}", Assert.Single(browser.Invocations["zip"]).Arguments[1]));
        await Library.DeleteAsync(Owner, [a.Id, c.Id]);
        await download();

        list.WaitForAssertion(() => Assert.NotEqual("", Announced));
        Assert.Contains(Announced, (string?[])["These files are no longer there.", "This file is no longer there."]);
        Assert.Single(browser.Invocations["zip"]);
        Assert.Empty(browser.Invocations["download"]);
    }

    [Fact]
    public async Task A_refused_archive_is_told()
    {
        await PlantManyAsync(1);
        await OpenAsync(1);

        await list.InvokeAsync(list.Instance.DownloadRefused);

        notes.WaitForAssertion(() => Assert.Contains("Nothing was downloaded", notes.Markup, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_click_on_what_alone_is_chosen_lets_it_go()
    {
        await PlantManyAsync(2);
        await OpenAsync(2);

        Row("1.txt").Click();
        Row("1.txt").Click();

        Assert.Empty(Selected());
    }

    [Fact]
    public async Task It_is_walked_with_the_keyboard()
    {
        await PlantManyAsync(25);
        await OpenAsync(25);
        Assert.Null(Grid.GetAttribute("aria-activedescendant"));

        Assert.Equal("01.txt", Press("ArrowDown"));
        Assert.Equal("02.txt", Press("ArrowDown"));
        Assert.Equal("01.txt", Press("ArrowUp"));
        Assert.Equal("01.txt", Press("ArrowUp"));
        Assert.Equal("25.txt", Press("End"));
        Assert.Equal("25.txt", Press("ArrowDown"));
        Assert.Equal("15.txt", Press("PageUp"));
        Assert.Equal("25.txt", Press("PageDown"));
        Assert.Equal("01.txt", Press("Home"));
        Assert.Empty(Selected());
        // Brought into view, and the only one with buttons that Tab reaches.
        Assert.Equal([0, 44], browser.Invocations["reveal"][^1].Arguments.Skip(1));
        Assert.Equal(["Select 01.txt", "Download 01.txt", "More for 01.txt", "Delete 01.txt"], list.FindAll("[role=rowgroup] [tabindex='0']").Select(button => button.GetAttribute("aria-label")));
    }

    [Fact]
    public async Task It_is_chosen_from_with_the_keyboard()
    {
        await PlantManyAsync(5);
        await OpenAsync(5);

        Press("ArrowDown");
        Press(" ");
        list.WaitForAssertion(() => Assert.Equal(["1.txt"], Selected()));
        Press("ArrowDown");
        Press("ArrowDown", shift: true);
        list.WaitForAssertion(() => Assert.Equal(["2.txt", "3.txt"], Selected()));
        Press("ArrowUp", shift: true);
        list.WaitForAssertion(() => Assert.Equal(["2.txt"], Selected()));
        Press("End", shift: true);
        list.WaitForAssertion(() => Assert.Equal(["2.txt", "3.txt", "4.txt", "5.txt"], Selected()));
        Press("Home", shift: true);
        list.WaitForAssertion(() => Assert.Equal(["1.txt", "2.txt"], Selected()));
        Press(" ");
        list.WaitForAssertion(() => Assert.Equal(["2.txt"], Selected()));
        Press("a", ctrl: true);
        list.WaitForAssertion(() => Assert.Equal(5, Selected().Length));
        Press("Escape");

        Assert.Empty(Selected());
    }

    [Fact]
    public async Task The_last_key_decides_even_when_the_database_answers_in_another_order()
    {
        await PlantManyAsync(5);
        await OpenAsync(5);
        Press("ArrowDown");
        Press("ArrowDown");
        var asked = Contexts.Hold(onlyNext: true);

        Press("End", shift: true);
        await asked;
        Press("Home", shift: true);
        list.WaitForAssertion(() => Assert.Equal(["1.txt", "2.txt"], Selected()));
        var reveals = browser.Invocations["reveal"].Count;
        Contexts.LetGo();

        list.WaitForAssertion(() => Assert.Equal(reveals + 1, browser.Invocations["reveal"].Count));
        Assert.Equal(["1.txt", "2.txt"], Selected());
    }

    [Fact]
    public async Task A_letter_or_a_key_without_a_row_does_nothing()
    {
        await PlantManyAsync(2);
        await OpenAsync(2);

        foreach (var key in (string[])["a", "x", " ", "Enter", "Delete", "Tab"])
        {
            Press(key);
        }

        Assert.Empty(Selected());
        Assert.Empty(browser.Invocations["download"]);
        Assert.Empty(dialog.FindAll(".answers"));
    }

    [Fact]
    public async Task Enter_downloads_the_row()
    {
        await PlantAsync("a.txt");
        var second = await PlantAsync("b.txt");
        await OpenAsync(2);

        Press("End");
        Press("Enter");

        list.WaitForAssertion(() => Assert.Equal($"files/{second.Id}", Assert.Single(browser.Invocations["download"]).Arguments[0]));
    }

    [Fact]
    public async Task A_key_acts_on_the_row_that_is_seen_as_active_whatever_stands_there_by_now()
    {
        await PlantManyAsync(2);
        await OpenAsync(2);
        Assert.Equal("2.txt", Press("End"));
        var id = (await Library.ListIdsAsync(Owner, new(FileColumn.Name, false), 1, 1))[0];
        // By another tab, and not heard of yet.
        await PlantAsync("0.txt");

        Press("x", ctrl: true);
        list.WaitForAssertion(() => Assert.Equal("2.txt", list.Find(".row.cut").GetAttribute("aria-label")));
        Press("Enter");
        list.WaitForAssertion(() => Assert.Equal($"files/{id}", Assert.Single(browser.Invocations["download"]).Arguments[0]));
        Press(" ");
        list.WaitForAssertion(() => Assert.Equal(["2.txt"], Selected()));
    }

    [Fact]
    public async Task A_stretch_is_chosen_between_the_rows_that_were_meant_wherever_they_stand_by_now()
    {
        await PlantManyAsync(5);
        await OpenAsync(5);
        Row("2.txt").Click();
        await PlantAsync("0.txt");

        Row("4.txt").Click(new MouseEventArgs { ShiftKey = true });

        list.WaitForAssertion(() => Assert.Equal(3, Selected().Length));
        Changes.Notify(Owner);
        list.WaitForAssertion(() => Assert.Equal(6, Names().Length));
        Assert.Equal(["2.txt", "3.txt", "4.txt"], Selected());
    }

    [Fact]
    public async Task The_active_row_stays_the_active_one_and_when_it_goes_the_next_key_goes_on_from_there()
    {
        await PlantManyAsync(4);
        await OpenAsync(4);
        Press("ArrowDown");
        Assert.Equal("2.txt", Press("ArrowDown"));

        await ReceiveAsync("0.txt");
        list.WaitForAssertion(() => Assert.Equal(5, Names().Length));
        list.WaitForAssertion(() => Assert.Equal("2.txt", list.Find($"#{Grid.GetAttribute("aria-activedescendant")}").GetAttribute("aria-label")));
        Assert.Equal("2.txt", list.Find(".row.active").GetAttribute("aria-label"));

        await Clock.TimerSetAsync();
        Clock.Advance(Pause);
        await Library.DeleteAsync(Owner, [.. await Library.ListIdsAsync(Owner, new(FileColumn.Name, false), 2, 1)]);
        list.WaitForAssertion(() => Assert.Equal(["0.txt", "1.txt", "3.txt", "4.txt"], Names()));
        list.WaitForAssertion(() => Assert.Null(Grid.GetAttribute("aria-activedescendant")));
        Press(" ");
        Assert.Empty(Selected());
        Assert.Equal("3.txt", Press("ArrowDown"));
    }

    [Fact]
    public async Task One_file_is_deleted_after_a_question_that_names_it()
    {
        var file = await ReceiveAsync("a.txt", 2048);
        await ReceiveAsync("b.txt");
        await OpenAsync(2);

        Button("Delete a.txt").Click();
        await AskedAsync();
        Assert.Equal("Delete “a.txt”?", dialog.Find(".rz-dialog-title").TextContent);
        Assert.Equal("2 KB. It stays in the trash for 30 days.", dialog.Find(".rz-dialog-content p").TextContent);
        Assert.Equal(["Cancel", "Delete"], Answers());
        Answer("Delete");

        list.WaitForAssertion(() => Assert.Equal(["b.txt"], Names()));
        Assert.Equal(["b.txt"], await NamesAsync());
        list.WaitForAssertion(() => Assert.Equal("“a.txt” moved to the trash", list.Find(".undo p").TextContent));
        Assert.Null(await Library.OpenAsync(Owner, file.Id));
        Assert.Equal(1, (await Library.TrashSummaryAsync(Owner))!.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Cancel_and_Esc_keep_everything(bool esc)
    {
        await PlantAsync("a.txt");
        await OpenAsync(1);
        Press("ArrowDown");

        Press("Delete");
        await AskedAsync();
        if (esc)
        {
            await dialog.InvokeAsync(() => Services.GetRequiredService<DialogService>().Close(null));
        }
        else
        {
            Answer("Cancel");
        }

        Assert.Equal(["a.txt"], await NamesAsync());
        Assert.Equal("", Announced);
        // And it can be asked again.
        Press("Delete");
        await AskedAsync();
    }

    [Fact]
    public async Task Many_are_deleted_after_a_question_that_counts_them()
    {
        await PlantManyAsync(8, 1024);
        await OpenAsync(8);
        Press("a", ctrl: true);
        list.WaitForAssertion(() => Assert.Equal(8, Selected().Length));
        Row("3.txt").Click(new MouseEventArgs { CtrlKey = true });

        list.Find("[role=toolbar] button.danger").Click();
        await AskedAsync();
        Assert.Equal("Delete 7 files?", dialog.Find(".rz-dialog-title").TextContent);
        Assert.Equal("7 files with 7 KB. They stay in the trash for 30 days.", dialog.Find(".rz-dialog-content p").TextContent);
        Assert.Equal(6, dialog.FindAll(".meant li").Count);
        Assert.Equal("and 2 more", dialog.FindAll(".meant li")[^1].TextContent);
        Answer("Delete");

        list.WaitForAssertion(() => Assert.Equal(["3.txt"], Names()));
        list.WaitForAssertion(() => Assert.Equal("7 files moved to the trash", list.Find(".undo p").TextContent));
        Assert.Empty(list.FindAll(".selection"));
    }

    [Fact]
    public async Task Of_two_tabs_that_delete_the_same_file_the_second_is_told()
    {
        var file = await ReceiveAsync("a.txt");
        await OpenAsync(1);
        Button("Delete a.txt").Click();
        await AskedAsync();

        await Library.DeleteAsync(Owner, [file.Id]);
        Answer("Delete");

        list.WaitForAssertion(() => Assert.Equal("It was already deleted elsewhere.", Announced));
    }

    [Fact]
    public async Task Of_many_the_person_is_told_which_part_was_deleted()
    {
        var file = await ReceiveAsync("a.txt");
        await ReceiveAsync("b.txt");
        await ReceiveAsync("c.txt");
        await OpenAsync(3);
        Press("a", ctrl: true);
        list.WaitForAssertion(() => Assert.Equal(3, Selected().Length));
        Press("Delete");
        await AskedAsync();

        await Library.DeleteAsync(Owner, [file.Id]);
        Answer("Delete");

        list.WaitForAssertion(() => Assert.Equal("2 files deleted; the others were already gone.", Announced));
    }

    [Fact]
    public async Task What_is_gone_before_the_question_is_not_asked_about()
    {
        var file = await ReceiveAsync("a.txt");
        await OpenAsync(1);
        var delete = ClickOf(Button("Delete a.txt"));
        await Library.DeleteAsync(Owner, [file.Id]);

        await delete();

        list.WaitForAssertion(() => Assert.Equal("This file is no longer there.", Announced));
        Assert.Empty(dialog.FindAll(".answers"));
    }

    [Fact, Trait("Battery", "AUZ-12")]
    public async Task A_double_click_on_Delete_asks_once_and_deletes_once()
    {
        await ReceiveAsync("a.txt");
        await ReceiveAsync("b.txt");
        await OpenAsync(2);
        var delete = ClickOf(Button("Delete a.txt"));

        _ = delete();
        _ = delete();
        await AskedAsync();
        Assert.Single(dialog.FindAll(".answers"));
        var answer = ClickOf(dialog.Find(".answers .danger"));
        _ = ClickOf(Button("Delete b.txt"))();
        _ = answer();
        list.WaitForAssertion(() => Assert.Equal(["b.txt"], Names()));
        // The late half of the double click finds another question open.
        Button("Delete b.txt").Click();
        await AskedAsync();
        _ = answer();

        Assert.Single(dialog.FindAll(".answers"));
        Assert.Equal(["b.txt"], await NamesAsync());
    }

    [Fact, Trait("Battery", "LOG-01")]
    public async Task A_deletion_that_breaks_says_so_and_the_circuit_lives()
    {
        await ReceiveAsync("a.txt");
        await OpenAsync(1);
        Button("Delete a.txt").Click();
        await AskedAsync();
        Contexts.Failure = new InvalidOperationException("secret");

        Answer("Delete");

        notes.WaitForAssertion(() => Assert.Contains("Nothing was deleted", notes.Markup, StringComparison.Ordinal));
        Assert.Matches("Something went wrong on the server \\(id [0-9a-f]{8}\\)", notes.Markup);
        Assert.DoesNotContain("secret", notes.Markup, StringComparison.Ordinal);
        Assert.Single(Log.Errors);
        Contexts.Failure = null;
        Button("Delete a.txt").Click();
        await AskedAsync();
    }

    [Fact, Trait("Battery", "CRA-11")]
    public async Task While_the_storage_is_away_files_are_deleted_and_the_bytes_go_later()
    {
        var rules = Services.GetRequiredService<IOptionsMonitor<LibraryOptions>>().CurrentValue;
        (rules.TrashKept, rules.PurgedKept) = (TimeSpan.Zero, TimeSpan.Zero);
        await ReceiveAsync("a.txt");
        await OpenAsync(1);
        Storage.Away = _ => true;
        Button("Delete a.txt").Click();
        await AskedAsync();

        Answer("Delete for good");

        notes.WaitForAssertion(() => Assert.Contains("1 file deleted, 10 bytes freed. The storage cannot remove the bytes just now; it does so later.",
            notes.Markup, StringComparison.Ordinal));
        list.WaitForAssertion(() => Assert.Empty(Names()));
        Assert.Empty(await NamesAsync());
        Assert.Empty(Log.Errors);
        Assert.Equal(0, (await Library.UsageAsync(Owner))!.Used);
    }

    [Theory, Trait("Battery", "LOG-01")]
    [InlineData("a")]
    [InlineData("Enter")]
    [InlineData("Delete")]
    public async Task A_key_that_meets_a_broken_database_says_so_and_the_circuit_lives(string key)
    {
        await PlantManyAsync(2);
        await OpenAsync(2);
        Press("ArrowDown");
        Contexts.Failure = new InvalidOperationException("secret");

        Press(key, ctrl: key == "a");

        notes.WaitForAssertion(() => Assert.Matches("Something went wrong on the server \\(id [0-9a-f]{8}\\)", notes.Markup));
        Assert.Single(Log.Errors);
        Assert.DoesNotContain("secret", notes.Markup, StringComparison.Ordinal);
        Contexts.Failure = null;
        Press("a", ctrl: true);
        list.WaitForAssertion(() => Assert.Equal(2, Selected().Length));
    }

    [Fact]
    public async Task What_was_chosen_and_is_deleted_elsewhere_is_no_longer_chosen()
    {
        var file = await ReceiveAsync("a.txt");
        await ReceiveAsync("b.txt");
        await OpenAsync(2);
        Press("a", ctrl: true);
        list.WaitForAssertion(() => Assert.Equal(2, Selected().Length));

        await Library.DeleteAsync(Owner, [file.Id]);

        list.WaitForAssertion(() => Assert.Equal("1 selected", list.Find("[role=toolbar] span").TextContent));
        list.WaitForAssertion(() => Assert.Equal(["b.txt"], Selected()));
    }

    [Fact]
    public async Task What_somebody_else_does_is_seen_at_once()
    {
        await OpenAsync(0);

        await ReceiveAsync("a.txt");
        list.WaitForAssertion(() => Assert.Equal(["a.txt"], Names()));
        Assert.Equal("1 file · 10 bytes", Summary);
        await Clock.TimerSetAsync();
        Clock.Advance(Pause);
        await ReceiveAsync("b.txt");

        list.WaitForAssertion(() => Assert.Equal(["a.txt", "b.txt"], Names()));
    }

    [Fact]
    public async Task A_thousand_changes_in_a_second_are_asked_about_ten_times_and_the_last_is_seen()
    {
        await ReceiveAsync("a.txt");
        await OpenAsync(1);
        var before = Contexts.Opened;
        for (var i = 0; i < 100; i++)
        {
            for (var j = 0; j < 10; j++)
            {
                Changes.Notify(Owner);
            }

            // The list is now in its pause, whatever comes.
            await Clock.TimerSetAsync().WaitAsync(TimeSpan.FromSeconds(30));
            Clock.Advance(TimeSpan.FromMilliseconds(10));
        }

        // Each refresh opens the database three times: for the count, for the rows, and for what can be undone.
        Assert.InRange((Contexts.Opened - before) / 3, 9, 12);

        await ReceiveAsync("last.txt");
        await Clock.TimerSetAsync().WaitAsync(TimeSpan.FromSeconds(30));
        Clock.Advance(Pause);
        list.WaitForAssertion(() => Assert.Equal(["a.txt", "last.txt"], Names()));
    }

    [Fact]
    public async Task A_change_of_somebody_elses_files_is_not_asked_about()
    {
        await OpenAsync(0);
        var before = Contexts.Opened;

        Changes.Notify(Guid.CreateVersion7());

        Assert.Equal(before, Contexts.Opened);
    }

    [Fact]
    public async Task Who_leaves_is_not_woken_any_more()
    {
        await PlantAsync("a.txt");
        await OpenAsync(1);

        await DisposeComponentsAsync();
        var before = Contexts.Opened;
        Changes.Notify(Owner);

        Assert.Equal(before, Contexts.Opened);
        Assert.Empty(Log.Errors);
        // Nor is the page held by those who watch: nobody else could see that it is kept for ever.
        var watched = (IDictionary)typeof(OwnerChanges).GetField("watched", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(Changes)!;
        Assert.Empty((IEnumerable)watched[Owner]!);
    }

    [Fact]
    public async Task Leaving_in_the_middle_of_a_refresh_is_no_error()
    {
        await PlantAsync("a.txt");
        await OpenAsync(1);
        var asked = Contexts.Hold();
        Changes.Notify(Owner);
        await asked;

        await DisposeComponentsAsync();
        Contexts.LetGo();
        Changes.Notify(Owner);
        await Renderer.Dispatcher.InvokeAsync(() => { });

        Assert.Empty(Log.Errors);
    }

    [Fact]
    public async Task A_refresh_whose_turn_comes_after_leaving_is_no_error()
    {
        await PlantAsync("a.txt");
        await OpenAsync(1);
        var page = list.Instance;

        await Renderer.Dispatcher.InvokeAsync(async () => await page.DisposeAsync());
        list.Find("[role=columnheader] button").Click();

        Assert.Empty(Log.Errors);
    }

    [Fact]
    public async Task A_circuit_that_is_gone_is_left_in_peace()
    {
        browser.Setup<string>("timeZone").SetException(new JSDisconnectedException("Gone."));

        await OpenAsync(0);

        Assert.Empty(Log.Errors);
    }

    [Fact]
    public async Task Without_a_known_time_zone_times_are_UTC()
    {
        browser.Setup<string>("timeZone").SetResult("Middle/Earth");
        await PlantAsync("a.txt", 1, new DateTime(2026, 3, 14, 8, 5, 0, DateTimeKind.Utc));

        await OpenAsync(1);

        Assert.Equal("Today, 08:05", Row("a.txt").QuerySelector(".modified")!.TextContent);
    }

    [Fact]
    public async Task When_the_account_is_gone_the_page_leaves_for_the_sign_in()
    {
        JSInterop.SetupVoid("location.assign", "account/login").SetVoidResult();
        await OpenAsync(0);

        await Leaving.Node(Contexts, Storage, Changes, Clock).LeaveAsync(Owner);

        list.WaitForAssertion(() => Assert.Equal(["account/login"], JSInterop.VerifyInvoke("location.assign").Arguments));
    }

    [Theory, Trait("Battery", "NAM-06")]
    [InlineData("invoice\u202Egpj.exe", "invoice\uFFFDgpj.exe")]
    [InlineData("a\u2066b\u2069.txt", "a\uFFFDb\uFFFD.txt")]
    [InlineData("pay\u200Bpal.txt", "pay\uFFFDpal.txt")]
    [InlineData("a\r\nb\u0000c\u001B[31m.txt", "a␍␊b␀c␛[31m.txt")]
    public async Task What_does_not_show_is_shown_as_a_mark(string name, string shown)
    {
        await PlantAsync(name);
        await OpenAsync(1);

        Button($"Delete {shown}").Click();
        await AskedAsync();

        Assert.Equal([shown], Names());
        Assert.Equal($"Delete “{shown}”?", dialog.Find(".rz-dialog-title").TextContent);
        Assert.All(name.Where(c => c != '\n' && FileName.Visible(c.ToString()) != c.ToString()), hidden =>
        {
            Assert.DoesNotContain(hidden, list.Markup);
            Assert.DoesNotContain(hidden, dialog.Markup);
        });
    }

    [Theory, Trait("Battery", "NAM-08")]
    [InlineData("\"><img src=x onerror=alert(1)>.txt")]
    [InlineData("javascript:alert(1)")]
    [InlineData("{{7*7}}")]
    [InlineData("=cmd|' /C calc'!A0")]
    [InlineData("$(hostname)")]
    [InlineData("`id`")]
    [InlineData("'; DROP TABLE--")]
    [InlineData("<script>alert(1)</script>.txt")]
    [InlineData("x' onmouseover='alert(1)' y=\".txt")]
    public async Task A_hostile_name_is_text(string name)
    {
        await PlantAsync(name);
        await PlantAsync("other.txt");
        await OpenAsync(2);
        Press("a", ctrl: true);
        list.WaitForAssertion(() => Assert.Equal(2, Selected().Length));
        Press("Delete");
        await AskedAsync();

        Assert.Contains(name, Names());
        Assert.Contains(name, dialog.FindAll(".meant li").Select(item => item.TextContent));
        foreach (var markup in (IEnumerable<INode>)[.. list.Nodes, .. dialog.Nodes])
        {
            var all = markup is IElement element ? element.QuerySelectorAll("*").Append(element) : [];
            Assert.DoesNotContain(all, e => e.LocalName is "img" or "script" || e.Attributes.Any(a => a.Name is "onerror" or "onmouseover"));
            Assert.DoesNotContain(all, e => e.GetAttribute("href")?.StartsWith("javascript", StringComparison.OrdinalIgnoreCase) == true);
        }
    }

    [Fact]
    public async Task Ten_thousand_files_are_as_many_rows_as_fit()
    {
        await PlantManyAsync(10_000);

        await OpenAsync(null);

        list.WaitForAssertion(() => Assert.InRange(list.FindAll("[role=row][aria-label]").Count, 10, 250));
        Assert.Equal("10001", Grid.GetAttribute("aria-rowcount"));
        Press("a", ctrl: true);
        list.WaitForAssertion(() => Assert.Equal("10,000 selected", list.Find("[role=toolbar] span").TextContent));
    }
}
