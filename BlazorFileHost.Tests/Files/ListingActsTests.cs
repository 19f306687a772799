using AngleSharp.Dom;
using BlazorFileHost.Files;
using Bunit;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Tests.Files;

/// <summary>What the hand does in the list: names, folders, moves, the menu, tiles.</summary>
public sealed class ListingActsTests : ListingTest
{
    [Fact]
    public async Task A_new_folder_is_named_where_it_will_stand()
    {
        await OpenAsync(0);

        list.FindAll(".tools button").Single(button => button.TextContent == "New folder").Click();
        Type("Invoices");
        Enter();

        list.WaitForAssertion(() => Assert.Equal(["Invoices"], Names()));
        Assert.Empty(list.FindAll(".draft"));
        Assert.Equal("Folder “Invoices” made.", Announced);
    }

    [Fact]
    public async Task A_refused_name_stays_in_its_field_beside_the_reason()
    {
        await ReceiveAsync("a.txt");
        await ReceiveAsync("b.txt");
        await OpenAsync(2);
        Press("ArrowDown");
        Press("F2");
        list.WaitForAssertion(() => Assert.Equal("a.txt", Field.GetAttribute("value")));

        Type("b.txt");
        Enter();

        list.WaitForAssertion(() => Assert.Contains("b.txt", list.Find(".naming [role=alert]").TextContent, StringComparison.Ordinal));
        Assert.Equal("b.txt", Field.GetAttribute("value"));
        Assert.Equal("true", Field.GetAttribute("aria-invalid"));
        Type("c.txt");
        Enter();
        list.WaitForAssertion(() => Assert.Equal(["b.txt", "c.txt"], Names()));
        list.WaitForAssertion(() => Assert.Equal("“a.txt” renamed to “c.txt”", Undoable));
        Assert.Equal(["b.txt", "c.txt"], await NamesAsync());
        // It has moved down the list, and is still the active one.
        list.WaitForAssertion(() => Assert.Equal("c.txt", list.Find($"#{Grid.GetAttribute("aria-activedescendant")}").GetAttribute("aria-label")));
    }

    [Theory]
    [InlineData("report.final.pdf", 12)]
    [InlineData("README", 6)]
    public async Task The_ending_is_not_selected_at_first(string name, int stem)
    {
        await PlantAsync(name);
        await OpenAsync(1);
        Press("ArrowDown");

        Press("F2");

        list.WaitForAssertion(() => Assert.Equal(stem, JSInterop.VerifyInvoke("begin").Arguments[1]));
    }

    [Fact]
    public async Task Escape_leaves_the_name_as_it_was()
    {
        await ReceiveAsync("a.txt");
        await OpenAsync(1);
        Press("ArrowDown");
        Press("F2");
        list.WaitForAssertion(() => Assert.NotNull(Field));

        Type("other.txt");
        Field.KeyDown(new KeyboardEventArgs { Key = "Escape" });

        list.WaitForAssertion(() => Assert.Equal(["a.txt"], Names()));
        Assert.Equal(["a.txt"], await NamesAsync());
    }

    [Fact]
    public async Task The_menu_is_opened_by_hand_key_and_button_and_offers_what_fits()
    {
        await ReceiveAsync("a.txt");
        await ReceiveAsync("b.txt");
        await Library.MakeFoldersAsync(Owner, null, [["Photos"]]);
        await OpenAsync(3);

        Row("a.txt").ContextMenu(new MouseEventArgs { ClientX = 10, ClientY = 20 });
        Assert.Equal(["Download", "Rename", "Move…", "Copy…", "Details", "Delete"], Choices());
        Assert.Equal(["a.txt"], Selected());
        list.Find(".behind").Click();
        Assert.Empty(list.FindAll("[role=menu]"));

        Row("b.txt").Click(new MouseEventArgs { CtrlKey = true });
        Row("a.txt").ContextMenu();
        Assert.Equal(["Download as .zip", "Move…", "Copy…", "Delete"], Choices());
        Assert.Equal("Actions for 2 selected", list.Find("[role=menu]").GetAttribute("aria-label"));
        list.Find("[role=menu]").KeyDown(new KeyboardEventArgs { Key = "Escape" });
        list.WaitForAssertion(() => Assert.Empty(list.FindAll("[role=menu]")));

        Button("More for Photos").Click();
        Assert.Equal(["Open", "Download as .zip", "Rename", "Move…", "Copy…", "Details", "Delete"], Choices());
        Assert.Equal("true", Button("More for Photos").GetAttribute("aria-expanded"));
        list.FindAll("[role=menuitem]").Single(item => item.TextContent.StartsWith("Rename", StringComparison.Ordinal)).Click();
        list.WaitForAssertion(() => Assert.Equal("Photos", Field.GetAttribute("value")));
        Assert.Empty(list.FindAll("[role=menu]"));
        Field.KeyDown(new KeyboardEventArgs { Key = "Escape" });

        Press("Home");
        Press("F10", shift: true);
        list.WaitForAssertion(() => Assert.NotEmpty(list.FindAll("[role=menu]")));
    }

    [Fact]
    public async Task What_is_chosen_is_moved_by_dialog_into_a_folder_made_there()
    {
        var file = await ReceiveAsync("a.txt");
        await Library.MakeFoldersAsync(Owner, null, [["Photos"]]);
        await OpenAsync(2);
        Row("a.txt").Click();

        Tool("Move").Click();
        await AskedAsync();
        // They are here already.
        Assert.True(Answered("Move here").HasAttribute("disabled"));
        dialog.WaitForElement("button.folder").Click();
        dialog.WaitForAssertion(() => Assert.Equal("Photos", dialog.Find("[aria-current]").TextContent));
        Answer("New folder");
        dialog.WaitForElement(".naming input").Input("2026");
        dialog.Find(".naming input").KeyDown(new KeyboardEventArgs { Key = "Enter" });
        dialog.WaitForAssertion(() => Assert.Equal("2026", dialog.Find("[aria-current]").TextContent));
        Answer("Move here");

        await CatchUpAsync();
        list.WaitForAssertion(() => Assert.Equal(["Photos"], Names()));
        list.WaitForAssertion(() => Assert.Equal("“a.txt” moved", Undoable));
        var there = (await Library.FindAsync(Owner, [file.Id])).Single();
        Assert.Equal("2026", (await Library.FindFoldersAsync(Owner, [there.FolderId])).Single().Name);
    }

    [Fact]
    public async Task A_folder_cannot_be_picked_for_itself()
    {
        await Library.MakeFoldersAsync(Owner, null, [["A"], ["B"]]);
        await OpenAsync(2);
        Row("A").Click();

        Tool("Move").Click();
        await AskedAsync();

        dialog.WaitForAssertion(() => Assert.Equal(["A"], dialog.FindAll("button.folder[disabled]").Select(folder => folder.TextContent.Trim())));
        Assert.Equal(["A", "B"], dialog.FindAll("button.folder").Select(folder => folder.TextContent.Trim()));
    }

    [Fact]
    public async Task Rows_dropped_onto_a_folder_go_there_and_a_taken_name_is_asked_about_once()
    {
        var (a, b) = (await ReceiveAsync("a.txt"), await ReceiveAsync("b.txt"));
        var folder = (await Library.MakeFoldersAsync(Owner, null, [["Photos"]]))[0].Value;
        await Library.ReceiveAsync(Owner, new OfferedFile("A.TXT", 1, folder), OnConflict.Ask, new MemoryStream([(byte)'x']));
        await OpenAsync(3);
        Assert.Equal(folder.ToString(), Row("Photos").GetAttribute("data-into"));
        Row("a.txt").Click();
        Row("b.txt").Click(new MouseEventArgs { CtrlKey = true });

        var drop = list.InvokeAsync(() => list.Instance.Drop(a.Id, folder));
        await AskedAsync();
        Assert.Equal(["Keep both", "Replace", "Skip", "Cancel"], Answers());
        Assert.Equal("What is replaced goes to the trash.", dialog.Find(".hint").TextContent.Trim());
        Answer("Keep both");
        await drop;

        list.WaitForAssertion(() => Assert.Equal(["Photos"], Names()));
        list.WaitForAssertion(() => Assert.Equal("2 files moved", Undoable));
        Assert.All(await Library.FindAsync(Owner, [a.Id, b.Id]), file => Assert.Equal(folder, file.FolderId));
    }

    [Fact]
    public async Task What_the_answer_cancels_stays_where_it_is()
    {
        var a = await ReceiveAsync("a.txt");
        var folder = (await Library.MakeFoldersAsync(Owner, null, [["Photos"]]))[0].Value;
        await Library.ReceiveAsync(Owner, new OfferedFile("a.txt", 1, folder), OnConflict.Ask, new MemoryStream([(byte)'x']));
        await OpenAsync(2);

        var drop = list.InvokeAsync(() => list.Instance.Drop(a.Id, folder));
        await AskedAsync();
        Answer("Cancel");
        await drop;

        Assert.Equal(["Photos", "a.txt"], Names());
    }

    [Fact]
    public async Task A_folder_dropped_onto_itself_stays()
    {
        var folder = (await Library.MakeFoldersAsync(Owner, null, [["Photos"]]))[0].Value;
        await OpenAsync(1);

        await list.InvokeAsync(() => list.Instance.Drop(folder, folder));

        Assert.Equal(["Photos"], Names());
        Assert.Empty(Log.Errors);
    }

    [Fact]
    public async Task What_was_copied_is_pasted_and_what_was_cut_looks_like_it()
    {
        await ReceiveAsync("a.txt");
        await OpenAsync(1);
        Press("ArrowDown");

        Press("c", ctrl: true);
        list.WaitForElement("[data-key=v]").Click();
        list.WaitForAssertion(() => Assert.Equal(["a (2).txt", "a.txt"], Names()));
        list.WaitForAssertion(() => Assert.Equal("“a.txt” copied", Undoable));

        Press("x", ctrl: true);
        list.WaitForAssertion(() => Assert.Single(list.FindAll(".row.cut")));
        Press("Escape");
        Assert.Empty(list.FindAll(".row.cut"));
        Assert.Empty(list.FindAll("[data-key=v]"));
    }

    [Fact]
    public async Task The_keys_of_the_page_work_while_something_is_chosen()
    {
        await ReceiveAsync("a.txt");
        await OpenAsync(1);
        Row("a.txt").Click();
        Press("c", ctrl: true);

        Assert.NotNull(list.Find("[data-key='?']"));
        list.WaitForElement("[data-key=v]").Click();

        list.WaitForAssertion(() => Assert.Equal(["a (2).txt", "a.txt"], Names()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Only_who_ends_a_name_by_key_is_back_in_the_list_with_the_keyboard(bool byKey)
    {
        await ReceiveAsync("a.txt");
        await OpenAsync(1);
        Press("ArrowDown");
        Press("F2");
        Type("b.txt");

        if (byKey)
        {
            Enter();
        }
        else
        {
            Field.Blur();
        }

        list.WaitForAssertion(() => Assert.Equal(["b.txt"], Names()));
        list.WaitForAssertion(() => Assert.Empty(list.FindAll(".naming")));
        Assert.Equal(byKey ? 1 : 0, browser.Invocations["focusList"].Count);
    }

    [Fact]
    public async Task A_folder_of_the_dialog_is_made_by_Enter_alone()
    {
        await ReceiveAsync("a.txt");
        await OpenAsync(1);
        Row("a.txt").Click();
        Tool("Move").Click();
        await AskedAsync();
        Answer("New folder");
        dialog.WaitForElement(".naming input").Input("never");

        dialog.Find(".naming input").Blur();
        Answer("Cancel");

        dialog.WaitForAssertion(() => Assert.Empty(dialog.FindAll(".answers")));
        Assert.Equal(0, (await Library.ContentsAsync(Owner, null))!.Folders);
    }

    [Fact]
    public async Task For_folders_nothing_is_replaced_and_that_is_not_offered()
    {
        var made = await Library.MakeFoldersAsync(Owner, null, [["Photos"], ["Old"], ["Old", "Photos"]]);
        await OpenAsync(2);

        var drop = list.InvokeAsync(() => list.Instance.Drop(made[0].Value, made[1].Value));
        await AskedAsync();

        Assert.Equal(["Keep both", "Cancel"], Answers());
        Assert.Equal("", dialog.Find(".hint").TextContent.Trim());
        Answer("Keep both");
        await drop;
        Assert.Equal(2, (await Library.ContentsAsync(Owner, made[1].Value))!.Folders);
    }

    [Fact]
    public async Task Where_a_folder_is_in_the_way_of_a_file_nothing_is_offered_to_be_replaced()
    {
        var file = await ReceiveAsync("a.txt");
        var made = await Library.MakeFoldersAsync(Owner, null, [["Photos"], ["Photos", "A.txt"]]);
        await OpenAsync(2);

        var drop = list.InvokeAsync(() => list.Instance.Drop(file.Id, made[0].Value));
        await AskedAsync();

        Assert.Equal(["Keep both", "Cancel"], Answers());
        Answer("Keep both");
        await drop;
        Assert.Equal("a (2).txt", (await Library.FindAsync(Owner, [file.Id])).Single().Name);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Only_of_what_can_be_replaced_it_is_said_what_becomes_of_it(bool trash)
    {
        Services.GetRequiredService<IOptionsMonitor<LibraryOptions>>().CurrentValue.TrashKept = TimeSpan.FromDays(trash ? 30 : 0);
        var (a, b) = (await ReceiveAsync("a.txt"), await ReceiveAsync("b.txt"));
        var folder = (await Library.MakeFoldersAsync(Owner, null, [["Photos"], ["Photos", "b.txt"]]))[0].Value;
        await Library.ReceiveAsync(Owner, new OfferedFile("a.txt", 1, folder), OnConflict.Ask, new MemoryStream([(byte)'x']));
        await OpenAsync(3);
        Row("a.txt").Click();
        Row("b.txt").Click(new MouseEventArgs { CtrlKey = true });

        var drop = list.InvokeAsync(() => list.Instance.Drop(a.Id, folder));
        await AskedAsync();

        // All of them are taken: to skip them would be to cancel.
        Assert.Equal(["Keep both", "Replace", "Cancel"], Answers());
        Assert.Equal(["Your answer is for all of them.", trash ? "What is replaced goes to the trash." : "What is replaced is not kept.", "Only files are replaced, and only by files: the rest gets a number."],
            dialog.Find(".hint").TextContent.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        Answer("Replace");
        await drop;
        Assert.Equal(["a.txt", "b (2).txt"], (await Library.FindAsync(Owner, [a.Id, b.Id])).Select(file => file.Name).Order());
        Assert.Equal((1, 2), ((await Library.ContentsAsync(Owner, folder))!.Folders, (await Library.ContentsAsync(Owner, folder))!.Files));
    }

    [Fact]
    public async Task What_is_skipped_stays_and_the_others_go()
    {
        var (a, b) = (await ReceiveAsync("a.txt"), await ReceiveAsync("b.txt"));
        var made = await Library.MakeFoldersAsync(Owner, null, [["Photos"], ["Photos", "Old"], ["Old"]]);
        await Library.ReceiveAsync(Owner, new OfferedFile("a.txt", 1, made[0].Value), OnConflict.Ask, new MemoryStream([(byte)'x']));
        await OpenAsync(4);
        Row("a.txt").Click();
        Row("b.txt").Click(new MouseEventArgs { CtrlKey = true });
        Row("Old").Click(new MouseEventArgs { CtrlKey = true });

        var putting = list.InvokeAsync(() => list.Instance.Drop(a.Id, made[0].Value));
        await AskedAsync();
        Answer("Skip");
        await putting;

        list.WaitForAssertion(() => Assert.Equal(["Old", "Photos", "a.txt"], Names()));
        notes.WaitForAssertion(() => Assert.Contains("2 entries left where they are, because the name is taken.", notes.Markup, StringComparison.Ordinal));
        list.WaitForAssertion(() => Assert.Equal("“b.txt” moved", Undoable));
        Assert.Equal(made[0].Value, (await Library.FindAsync(Owner, [b.Id])).Single().FolderId);
        Assert.Equal(1, (await Library.FindAsync(Owner, (await Library.ListIdsAsync(Owner, default, 0, 10, made[0].Value)).Skip(1).Take(1))).Single().Size);
    }

    [Fact]
    public async Task All_are_chosen_by_one_box_and_each_by_its_own()
    {
        await PlantManyAsync(3);
        await OpenAsync(3);
        Assert.Equal("false", All.GetAttribute("aria-checked"));

        All.Click();
        list.WaitForAssertion(() => Assert.Equal(3, Selected().Length));
        Assert.Equal("true", All.GetAttribute("aria-checked"));
        Button("Select 2.txt").Click();
        Assert.Equal(["1.txt", "3.txt"], Selected());
        Assert.Equal("mixed", All.GetAttribute("aria-checked"));
        All.Click();
        list.WaitForAssertion(() => Assert.Equal(3, Selected().Length));
        All.Click();
        list.WaitForAssertion(() => Assert.Empty(Selected()));
    }

    [Fact]
    public async Task Tiles_stand_side_by_side_are_walked_both_ways_and_remembered()
    {
        await PlantManyAsync(8);
        await OpenAsync(8);

        list.Find("[aria-label=Tiles]").Click();
        await list.InvokeAsync(() => list.Instance.Columns(3));

        list.WaitForAssertion(() => Assert.Equal(8, list.FindAll(".tile").Count));
        Assert.Equal(3, list.FindAll(".tiles").Count);
        Assert.Equal("4", Grid.GetAttribute("aria-rowcount"));
        Assert.Equal("tiles", Assert.Single(browser.Invocations["remember"]).Arguments[0]);
        Assert.Equal("1.txt", Press("ArrowDown"));
        Assert.Equal("4.txt", Press("ArrowDown"));
        Assert.Equal("5.txt", Press("ArrowRight"));
        Assert.Equal("2.txt", Press("ArrowUp"));
        Assert.Equal("1.txt", Press("ArrowLeft"));
        list.FindAll(".tile")[2].Click();
        Assert.Equal("3.txt", list.Find(".tile[aria-selected=true] .text").GetAttribute("title"));
        await ReceiveAsync("9.txt");
        list.WaitForAssertion(() => Assert.Equal(9, list.FindAll(".tile").Count));
    }

    [Fact]
    public async Task Whoever_had_tiles_has_tiles_again()
    {
        browser.Setup<string?>("recall").SetResult("tiles");
        await PlantManyAsync(2);

        Open();

        list.WaitForAssertion(() => Assert.Equal(2, list.FindAll(".tile").Count));
    }

    [Fact]
    public async Task Help_names_the_keys()
    {
        await OpenAsync(0);

        list.Find("[data-key='?']").Click();
        await AskedAsync();

        Assert.Contains("F2", dialog.FindAll("kbd").Select(key => key.TextContent));
        Answer("Close");
        dialog.WaitForAssertion(() => Assert.Empty(dialog.FindAll(".answers")));
    }

    [Fact]
    public async Task Whatever_was_done_can_be_undone_on_every_screen_for_a_while()
    {
        await ReceiveAsync("a.txt");
        var file = await ReceiveAsync("b.txt");
        await OpenAsync(2);
        // The region that is read out is there before its text, and is not hidden.
        Assert.Empty(list.Find("div[role=status]").Children);
        Assert.False(list.Find("div[role=status]").HasAttribute("hidden"));

        // By another tab.
        await Library.RenameAsync(Owner, file.Id, "c.txt");
        list.WaitForAssertion(() => Assert.Equal("“b.txt” renamed to “c.txt”", Undoable));
        list.Find(".undo [data-key=z]").Click();
        await CatchUpAsync();
        list.WaitForAssertion(() => Assert.Equal(["a.txt", "b.txt"], Names()));
        notes.WaitForAssertion(() => Assert.Contains("Undone.", notes.Markup, StringComparison.Ordinal));

        await Library.DeleteAsync(Owner, [file.Id]);
        await CatchUpAsync();
        list.WaitForAssertion(() => Assert.Equal("“b.txt” moved to the trash", Undoable));
        Clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal("“b.txt” moved to the trash", Undoable);
        Clock.Advance(TimeSpan.FromSeconds(1));
        list.WaitForAssertion(() => Assert.Empty(list.FindAll(".undo")));
    }

    [Fact]
    public async Task What_was_done_a_moment_before_a_screen_was_opened_can_be_undone_on_it()
    {
        var file = await ReceiveAsync("a.txt");
        await Library.RenameAsync(Owner, file.Id, "b.txt");
        await OpenAsync(1);
        list.WaitForAssertion(() => Assert.Equal("“a.txt” renamed to “b.txt”", Undoable));
    }

    [Fact]
    public async Task What_was_dismissed_is_not_offered_again_and_what_is_done_next_is()
    {
        var file = await ReceiveAsync("a.txt");
        await OpenAsync(1);
        await Library.RenameAsync(Owner, file.Id, "b.txt");
        list.WaitForAssertion(() => Assert.NotEmpty(list.FindAll(".undo p")));

        list.Find("[aria-label=Dismiss]").Click();
        list.WaitForAssertion(() => Assert.Empty(list.FindAll(".undo p")));
        await ReceiveAsync("z.txt");
        await CatchUpAsync();
        list.WaitForAssertion(() => Assert.Equal(["b.txt", "z.txt"], Names()));
        Assert.Empty(list.FindAll(".undo p"));

        await Library.RenameAsync(Owner, file.Id, "c.txt");
        await CatchUpAsync();
        list.WaitForAssertion(() => Assert.Equal("“b.txt” renamed to “c.txt”", Undoable));
    }

    [Fact]
    public async Task What_was_undone_elsewhere_meanwhile_is_told()
    {
        var file = await ReceiveAsync("a.txt");
        await OpenAsync(1);
        await Library.RenameAsync(Owner, file.Id, "b.txt");
        list.WaitForAssertion(() => Assert.NotEmpty(list.FindAll(".undo p")));
        var undo = ClickOf(list.Find(".undo [data-key=z]"));
        await Library.UndoAsync(Owner, (await Library.LastActionAsync(Owner))!.Id);

        await undo();

        notes.WaitForAssertion(() => Assert.Contains("There is nothing left to undo", notes.Markup, StringComparison.Ordinal));
    }

    [Fact]
    public async Task To_delete_a_lot_somebody_has_to_type_what_they_mean()
    {
        await PlantManyAsync(100);
        await OpenAsync(null);
        Press("a", ctrl: true);
        list.WaitForAssertion(() => Assert.Equal("100 selected", list.Find(".selection .count").TextContent));

        Press("Delete");
        await AskedAsync();
        Assert.True(Answered("Delete").HasAttribute("disabled"));
        Assert.Contains("Type delete to go on", dialog.Find(".sure label").TextContent, StringComparison.Ordinal);
        dialog.Find("#sure").Input("Delete ");
        Assert.False(Answered("Delete").HasAttribute("disabled"));
        dialog.Find("#sure").KeyDown(new KeyboardEventArgs { Key = "Enter" });

        list.WaitForAssertion(() => Assert.NotEmpty(list.FindAll(".empty")));
        Assert.Empty(await NamesAsync());
    }

    [Fact]
    public async Task A_large_folder_is_deleted_by_its_name()
    {
        var folder = (await Library.MakeFoldersAsync(Owner, null, [["Photos"]]))[0].Value;
        var file = await PlantAsync("film.txt", DeleteDialog.ManyBytes);
        Assert.NotNull((await Library.MoveAsync(Owner, [file.Id], folder, OnConflict.Ask)).Value);
        await OpenAsync(1);

        Button("Delete Photos").Click();
        await AskedAsync();

        Assert.Contains("Type Photos to go on", dialog.Find(".sure label").TextContent, StringComparison.Ordinal);
        dialog.Find("#sure").Input("Photo");
        Assert.True(Answered("Delete").HasAttribute("disabled"));
        dialog.Find("#sure").Input("photos");
        Assert.False(Answered("Delete").HasAttribute("disabled"));
    }

    [Fact]
    public async Task The_question_counts_on_while_it_is_open()
    {
        var folder = (await Library.MakeFoldersAsync(Owner, null, [["Photos"]]))[0].Value;
        await OpenAsync(1);
        Button("Delete Photos").Click();
        await AskedAsync();
        Assert.StartsWith("1 folder with 0 bytes.", dialog.Find(".rz-dialog-content p").TextContent, StringComparison.Ordinal);

        await Library.ReceiveAsync(Owner, new OfferedFile("new.txt", 3, folder), OnConflict.Ask, new MemoryStream("abc"u8.ToArray()));

        dialog.WaitForAssertion(() => Assert.StartsWith("1 folder and 1 file with 3 bytes.", dialog.Find(".rz-dialog-content p").TextContent, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Details_are_of_the_one_that_is_chosen_and_follow_it()
    {
        var a = await ReceiveAsync("a.txt");
        await ReceiveAsync("b.txt");
        await OpenAsync(2);

        Row("a.txt").ContextMenu();
        list.FindAll("[role=menuitem]").Single(item => item.TextContent.StartsWith("Details", StringComparison.Ordinal)).Click();
        list.WaitForAssertion(() => Assert.Equal("a.txt", list.Find(".details-panel h2").TextContent));
        await Library.RenameAsync(Owner, a.Id, "c.txt");
        list.WaitForAssertion(() => Assert.Equal("c.txt", list.Find(".details-panel h2").TextContent));
        Row("b.txt").Click();
        list.WaitForAssertion(() => Assert.Equal("b.txt", list.Find(".details-panel h2").TextContent));
        list.Find(".details-panel .close").Click();
        list.WaitForAssertion(() => Assert.Empty(list.FindAll(".details-panel")));
    }

    [Fact]
    public async Task The_details_take_the_keyboard_only_when_they_are_asked_for()
    {
        await ReceiveAsync("a.txt");
        await OpenAsync(1);
        Press("ArrowDown");

        list.Find("[aria-pressed][aria-label=Details]").Click();
        list.WaitForAssertion(() => Assert.Equal([true], Taken()));
        Head("Name").QuerySelector("button")!.Click();
        list.WaitForAssertion(() => Assert.Empty(list.FindAll(".details-panel")));
        Press("ArrowDown");

        list.WaitForAssertion(() => Assert.Equal([true, false], Taken()));

        object?[] Taken() => [.. JSInterop.Invocations["open"].Select(call => call.Arguments[^1])];
    }

    [Fact]
    public async Task Of_another_file_no_version_stays_until_the_answer_comes()
    {
        var (a, b) = (await ReceiveAsync("a.txt"), await ReceiveAsync("b.txt"));
        Clock.Advance(TimeSpan.FromSeconds(1));
        await Library.ReceiveAsync(Owner, new OfferedFile("a.txt", 1), OnConflict.Replace, new MemoryStream([(byte)'y']));
        var versions = Render<Versions>(parameters => parameters.Add(each => each.OwnerId, Owner).Add(each => each.File, a).Add(each => each.Clock, new(Clock, TimeZoneInfo.Utc)));
        versions.WaitForAssertion(() => Assert.Single(versions.FindAll("li")));
        _ = Contexts.Hold();

        versions.Render(parameters => parameters.Add(each => each.File, b));

        Assert.Empty(versions.FindAll("li"));
    }

    [Fact]
    public async Task What_a_file_held_before_is_beside_it_and_can_be_brought_back_or_removed()
    {
        var file = await ReceiveAsync("a.txt", 1);
        foreach (var size in new[] { 2, 3 })
        {
            Clock.Advance(TimeSpan.FromSeconds(1));
            await Library.ReceiveAsync(Owner, new OfferedFile("a.txt", size), OnConflict.Replace, new MemoryStream(new string('y', size).Select(c => (byte)c).ToArray()));
        }

        await OpenAsync(1);
        Row("a.txt").Click();
        list.Find("[aria-pressed][aria-label=Details]").Click();

        list.WaitForAssertion(() => Assert.Equal(["2 bytes", "1 byte"], Versions()));
        var oldest = (await Library.VersionsAsync(Owner, file.Id))[1];
        Assert.Equal($"files/{oldest.Id}", list.FindAll(".versions a")[1].GetAttribute("href"));
        Clock.Advance(TimeSpan.FromSeconds(1));
        // In one breath: what is found must not be drawn anew before it is clicked.
        await list.InvokeAsync(() => list.FindAll(".versions button").Last(button => button.TextContent == "Bring back").Click());
        list.WaitForAssertion(() => Assert.Equal(["3 bytes", "2 bytes"], Versions()));
        Assert.Equal(1, (await Library.FindAsync(Owner, [file.Id])).Single().Size);

        await CatchUpAsync();
        await list.InvokeAsync(() => list.FindAll(".versions button").First(button => button.TextContent == "Remove").Click());
        await AskedAsync();
        Assert.Equal("3 bytes. This cannot be undone.", dialog.Find(".rz-dialog-content p").TextContent);
        Answer("Delete for good");
        list.WaitForAssertion(() => Assert.Equal(["2 bytes"], Versions()));
    }

    private string[] Versions() => [.. list.FindAll(".versions .size").Select(size => size.TextContent)];

    private string Undoable => list.Find(".undo p").TextContent;

    /// <summary>The list is in its pause after a change; it ends.</summary>
    private async Task CatchUpAsync()
    {
        await Clock.TimerSetAsync(TimeSpan.FromMilliseconds(100));
        Clock.Advance(TimeSpan.FromMilliseconds(100));
    }

    private IElement Field => list.Find(".naming input");

    private IElement All => list.Find("[role=columnheader] [role=checkbox]");

    private void Type(string name) => list.WaitForElement(".naming input").Input(name);

    private void Enter() => Field.KeyDown(new KeyboardEventArgs { Key = "Enter" });

    private string[] Choices() => [.. list.FindAll("[role=menuitem] span").Select(item => item.TextContent)];

    private IElement Answered(string text) => dialog.FindAll(".answers button").Single(button => button.TextContent == text);
}
