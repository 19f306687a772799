using BlazorFileHost.Files;
using BlazorFileHost.Uploads;
using Bunit;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.JSInterop;
using Radzen;
using Radzen.Blazor;

namespace BlazorFileHost.Tests.Uploads;

/// <summary>The page's half of an upload: what is asked, told to the browser, and shown.</summary>
public sealed class UploadBoxTests : PageTest
{
    private readonly List<IReadOnlyList<OfferedFile>> checks = [];
    private readonly Server server = new();
    private BunitJSModuleInterop browser = null!;
    private IRenderedComponent<UploadBox> box = null!;
    private IRenderedComponent<RadzenDialog> dialog = null!;
    private Exception? checkFails;
    private readonly Guid made = Guid.CreateVersion7();
    private Guid? madeIn;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        var module = JSInterop.SetupModule("./Uploads/UploadBox.razor.js");
        browser = module.SetupModule("attach", _ => true);
        foreach (var call in (string[])["verdicts", "start", "token", "pause", "go", "cancel", "forget", "dispose"])
        {
            browser.SetupVoid(call, _ => true).SetVoidResult();
        }

        var page = Render((RenderTreeBuilder page) =>
        {
            page.OpenComponent<UploadBox>(0);
            page.AddComponentParameter(2, nameof(UploadBox.Account), Guid.CreateVersion7());
            page.AddComponentParameter(3, nameof(UploadBox.Uploads), server.Uploads);
            page.AddComponentParameter(1, nameof(UploadBox.Check), (Func<IReadOnlyList<OfferedFile>, Task<IReadOnlyList<Answer<string>>>>)CheckAsync);
            page.AddComponentParameter(4, nameof(UploadBox.MakeFolders), (Func<Guid?, IReadOnlyList<IReadOnlyList<string>>, Task<IReadOnlyList<Answer<Guid>>>>)MakeAsync);
            page.AddComponentParameter(5, nameof(UploadBox.IsFolder), (Func<Guid?, string, Task<bool>>)((into, name) => Library.IsFolderAsync(Owner, into, name)));
            page.CloseComponent();
            page.OpenComponent<RadzenDialog>(2);
            page.CloseComponent();
        });
        box = page.FindComponent<UploadBox>();
        dialog = page.FindComponent<RadzenDialog>();
    }

    [Fact]
    public async Task What_is_picked_is_judged_in_one_go_and_only_what_is_accepted_is_sent()
    {
        await ReceiveAsync("taken.txt");

        Pick(("good.txt", 3), ("virus.exe", 4), ("Taken.txt", 5), ("noending", 6), ("also.pdf", 7));

        var check = Assert.Single(checks);
        Assert.Equal([new("good.txt", 3), new("virus.exe", 4), new("Taken.txt", 5), new("noending", 6), new("also.pdf", 7)], check);
        Assert.Equal([new(0, "good.txt", false), new(1, null, false), new(2, null, false), new(3, null, false), new(4, "also.pdf", false)], Verdicts());
        Assert.Equal(
            ["“virus.exe” was not uploaded: files ending in .exe are not allowed here. Allowed: txt, pdf, png, jpg, jpeg, gif, docx, xlsx, ppt, pptx.",
             "“noending” was not uploaded: its name has no ending. Allowed here: txt, pdf, png, jpg, jpeg, gif, docx, xlsx, ppt, pptx."],
            Reasons());
        Assert.Empty(box.FindAll(".reason button"));
        Assert.Equal("Uploading 1 of 2", Headline);
        Assert.Equal("", Announced);
    }

    [Fact]
    public void A_whole_batch_is_one_question_and_one_answer()
    {
        Pick([.. Enumerable.Range(0, 200).Select(i => ($"{i}.txt", i))]);

        Assert.Equal(Enumerable.Range(0, 200).Select(i => new OfferedFile($"{i}.txt", i)), Assert.Single(checks));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => new UploadVerdict(i, $"{i}.txt", false)), Verdicts());
        Assert.Equal("Uploading 1 of 200", Headline);
    }

    [Fact]
    public void More_than_a_batch_is_refused_with_a_sentence_and_the_picker_goes_on_working()
    {
        Pick([.. Enumerable.Range(0, 201).Select(i => ($"{i}.txt", 1))]);

        Assert.Empty(checks);
        Assert.Equal("Nothing of that was uploaded: please choose at most 200 files at a time.", Assert.Single(Reasons()));
        Assert.Equal(Reasons()[0], Announced);
        // The browser waits for a verdict before it offers anything again.
        Assert.Empty(Verdicts());

        Pick(("a.txt", 1));

        Assert.Equal("a.txt", Assert.Single(Verdicts()).Name);
        Assert.Equal("Uploading 1 of 1", Headline);
    }

    [Fact]
    public void A_refusal_alone_is_said_aloud_in_its_own_words()
    {
        Pick(("virus.exe", 4));

        Assert.StartsWith("“virus.exe” was not uploaded: files ending in .exe are not allowed here.", Announced, StringComparison.Ordinal);
        Assert.Equal("1 file not uploaded", Headline);
    }

    [Fact, Trait("Battery", "LOG-01")]
    public void When_nobody_can_judge_it_is_said_with_an_id_logged_once_and_can_be_tried_again()
    {
        checkFails = new InvalidOperationException("Data Source=/secret/place.db");

        Pick(("a.txt", 3), ("b.txt", 4));

        Assert.Equal([new(0, null, false), new(1, null, false)], Verdicts());
        var line = Assert.Single(Log.Errors);
        Assert.Same(checkFails, line.Failure);
        Assert.All(Reasons(), reason => Assert.Matches("^“[ab].txt” was not uploaded: something went wrong on the server \\(id [0-9a-f]{8}\\). Try again.$", reason));
        Assert.Contains(Reasons()[0].Split("id ")[1][..8], line.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", box.Markup, StringComparison.Ordinal);

        Click("Try all again");

        Assert.Equal([new(0, 1, "a.txt", "ask"), new(1, 1, "b.txt", "ask")], Starts());
    }

    [Theory]
    [InlineData("Keep both", "keepboth")]
    [InlineData("Replace", "replace")]
    public async Task A_taken_name_is_asked_about_and_sent_as_answered(string answer, string onConflict)
    {
        await ReceiveAsync("taken.txt");
        Pick(("taken.txt", 5));
        Assert.Equal("You already have a file named “taken.txt”.", dialog.Find(".rz-dialog-content p").TextContent);
        Assert.Equal(["Keep both", "Replace", "Skip"], Answers());
        Assert.Empty(dialog.FindAll("input[type=checkbox]"));
        Assert.Equal("Waiting for your answer", Headline);
        Assert.Null(Last("start"));

        Answer(answer);

        Assert.Equal(new(0, 1, "taken.txt", onConflict), Assert.Single(Starts()));
        dialog.WaitForAssertion(() => Assert.Empty(dialog.FindAll(".answers")));
        Assert.Equal("Uploading 1 of 1", Headline);
    }

    [Fact]
    public async Task No_file_is_offered_the_place_of_a_folder()
    {
        Assert.All(await Library.MakeFoldersAsync(Owner, null, [["plans.txt"]]), folder => Assert.Null(folder.Refusal));
        Pick(("Plans.txt", 5));
        Assert.Equal("You already have a folder named “Plans.txt”. A file cannot take its place.", dialog.Find(".rz-dialog-content p").TextContent);
        Assert.Equal(["Keep both", "Skip"], Answers());

        Answer("Keep both");

        Assert.Equal(new(0, 1, "Plans.txt", "keepboth"), Assert.Single(Starts()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Skip_and_Esc_leave_it_out(bool esc)
    {
        await ReceiveAsync("taken.txt");
        Pick(("taken.txt", 5));

        if (esc)
        {
            await dialog.InvokeAsync(() => Services.GetRequiredService<DialogService>().Close(null));
        }
        else
        {
            Answer("Skip");
        }

        Assert.Null(Last("start"));
        Assert.Equal([0], Assert.IsType<int[]>(Last("forget")));
        Assert.Empty(box.FindAll(".uploads"));
    }

    [Fact]
    public async Task One_answer_can_stand_for_all_that_it_was_told_of()
    {
        await ReceiveAsync("a.txt");
        await ReceiveAsync("b.txt");
        await ReceiveAsync("c.txt");
        await ReceiveAsync("late.txt");
        Pick(("a.txt", 1), ("new.txt", 2), ("b.txt", 3), ("c.txt", 4));
        Assert.Contains("Do the same for the other 2 files", dialog.Markup, StringComparison.Ordinal);
        Pick(("late.txt", 5));

        dialog.Find("input[type=checkbox]").Change(true);
        Answer("Replace");

        Assert.Equal([new(0, 1, "a.txt", "replace"), new(2, 1, "b.txt", "replace"), new(3, 1, "c.txt", "replace")], Starts());
        // What came while the question stood was not in it: it is asked about by itself.
        Assert.Contains("“late.txt”", dialog.Markup, StringComparison.Ordinal);
        Answer("Skip");
        Assert.Equal("Uploading 1 of 4", Headline);
    }

    [Fact]
    public async Task Without_the_tick_each_is_asked_about_in_turn()
    {
        await ReceiveAsync("a.txt");
        await ReceiveAsync("b.txt");
        Pick(("a.txt", 1), ("b.txt", 2));
        Assert.Contains("Do the same for the other file", dialog.Markup, StringComparison.Ordinal);

        Answer("Replace");
        Assert.Equal([new(0, 1, "a.txt", "replace")], Starts());
        Assert.Contains("“b.txt”", dialog.Markup, StringComparison.Ordinal);
        Assert.False(dialog.Markup.Contains("Do the same", StringComparison.Ordinal));
        Answer("Keep both");

        Assert.Equal([new(1, 1, "b.txt", "keepboth")], Starts());
    }

    [Fact, Trait("Battery", "AUZ-12")]
    public async Task A_double_click_on_an_answer_does_not_answer_the_next_question()
    {
        await ReceiveAsync("a.txt");
        await ReceiveAsync("b.txt");
        Pick(("a.txt", 1), ("b.txt", 2));
        var replace = ClickOf(dialog.FindAll(".answers button").Single(button => button.TextContent == "Replace"));

        await replace();
        await replace();

        Assert.Equal([new(0, 1, "a.txt", "replace")], Starts());
        Assert.Contains("“b.txt”", dialog.Markup, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_was_taken_meanwhile_is_asked_about_and_the_browser_need_not_wait_for_the_answer()
    {
        Pick(("a.txt", 10), ("b.txt", 10));

        var report = ReportAsync([Moved(1, 4)], [Ended(0, "NameTaken", "You already have a file named “a.txt”.")]);

        Assert.True(report.IsCompletedSuccessfully);
        Assert.Contains("“a.txt”", dialog.Markup, StringComparison.Ordinal);
        await ReportAsync(Moved(1, 8));
        Assert.Equal("8 bytes of 10 bytes", Figures());
        Answer("Keep both");
        Assert.Equal(new(0, 1, "a.txt", "keepboth"), Assert.Single(Starts()));
    }

    [Fact]
    public async Task Progress_is_shown_per_file_and_in_all()
    {
        Pick(("a.txt", 4096), ("b.txt", 8192), ("c.txt", 4096));

        await ReportAsync(Moved(0, 2048, 512), Moved(1, 2048));

        Assert.Equal("4 KB of 16 KB · 1 KB/s · 12 s left", box.Find(".overall .figures").TextContent);
        Assert.Equal(["2 KB of 4 KB · 512 bytes/s · 4 s left", "2 KB of 8 KB"], box.FindAll(".upload .figures").Select(line => line.TextContent));
        Assert.Equal(["25", "50", "25"], box.FindAll("progress").Select(bar => bar.GetAttribute("value")));
        Assert.Equal(["a.txt", "b.txt"], box.FindAll(".upload .name").Select(name => name.TextContent));
        Assert.Equal("Cancel a.txt", box.Find(".upload button").GetAttribute("aria-label"));
        Assert.Equal("Uploading 1 of 3", Headline);

        await ReportAsync([Moved(0, 4096)], [Ended(1)]);

        Assert.Equal("Checking…", Figures());
        Assert.Equal("Uploading 2 of 3", Headline);
        Assert.Equal("12 KB of 16 KB · 1 KB/s · 4 s left", box.Find(".overall .figures").TextContent);
        Assert.Equal("", Announced);
    }

    [Theory]
    [InlineData(0, "0 bytes of 977 KB")]
    [InlineData(0.5, "0 bytes of 977 KB")]
    [InlineData(2_000_000, "0 bytes of 977 KB · 1.91 MB/s · almost done")]
    [InlineData(999_999, "0 bytes of 977 KB · 977 KB/s · 2 s left")]
    [InlineData(11_500, "0 bytes of 977 KB · 11.2 KB/s · 87 s left")]
    [InlineData(11_000, "0 bytes of 977 KB · 10.7 KB/s · 2 min left")]
    [InlineData(186, "0 bytes of 977 KB · 186 bytes/s · 90 min left")]
    [InlineData(138.9, "0 bytes of 977 KB · 138 bytes/s · 2 h 0 min left")]
    [InlineData(8, "0 bytes of 977 KB · 8 bytes/s · 34 h 43 min left")]
    [InlineData(1, "0 bytes of 977 KB · 1 byte/s · 12 days left")]
    public async Task Speed_and_time_left_are_told_in_fitting_units(double speed, string figures)
    {
        Pick(("a.txt", 1_000_000));

        await ReportAsync(Moved(0, 0, speed));

        Assert.Equal(figures, Figures());
    }

    [Fact]
    public async Task Nonsense_from_a_browser_is_clipped_or_passed_over()
    {
        Pick(("a.txt", 100));

        await ReportAsync([Moved(0, 1000), Moved(7, 5), Moved(-1, 5)], [Ended(99), Ended(-5, "Server")]);
        Assert.Equal("Checking…", Figures());
        await ReportAsync(Moved(0, -1000));

        Assert.Equal("0 bytes of 100 bytes", Figures());
        Assert.Equal("Uploading 1 of 1", Headline);
    }

    [Fact]
    public async Task The_end_is_announced_once_and_the_panel_leaves_when_all_went_well()
    {
        Pick(("a.txt", 10), ("b.txt", 10));
        await ReportAsync([], [Ended(0)]);
        Assert.Equal("", Announced);

        await ReportAsync([], [Ended(1)]);

        Assert.Equal("2 files uploaded, all verified", Announced);
        Assert.Equal("2 files uploaded, all verified", Headline);
        Clock.Advance(TimeSpan.FromSeconds(5.9));
        Assert.NotEmpty(box.FindAll(".uploads"));
        Clock.Advance(TimeSpan.FromSeconds(0.2));
        box.WaitForAssertion(() => Assert.Empty(box.FindAll(".uploads")));

        Pick(("c.txt", 10));
        // Silent before it is said again, or the second "1 file uploaded" in a row would not be heard.
        Assert.Equal("", Announced);
        await ReportAsync([], [Ended(2)]);
        Assert.Equal("1 file uploaded and verified", Announced);
    }

    [Fact]
    public async Task Each_end_is_shown_as_long()
    {
        Pick(("a.txt", 10));
        await ReportAsync([], [Ended(0)]);
        Clock.Advance(TimeSpan.FromSeconds(4));
        Pick(("b.txt", 10));
        await ReportAsync([], [Ended(1)]);

        Clock.Advance(TimeSpan.FromSeconds(4));
        await box.InvokeAsync(() => { });
        // What came while the first still showed is counted with it.
        Assert.Equal("2 files uploaded, all verified", Headline);
        Clock.Advance(TimeSpan.FromSeconds(2.1));

        box.WaitForAssertion(() => Assert.Empty(box.FindAll(".uploads")));
    }

    [Fact]
    public async Task The_panel_stays_when_something_new_came_or_something_failed()
    {
        Pick(("a.txt", 10), ("b.txt", 10));
        await ReportAsync([], [Ended(0), Ended(1, "Server")]);
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("1 file uploaded and verified, 1 not uploaded", Headline);
        Assert.Equal("1 file uploaded and verified, 1 not uploaded", Announced);

        Click("Try again");
        await ReportAsync([], [Ended(1, attempt: 1)]);
        Assert.Equal("2 files uploaded, all verified", Headline);
        Pick(("c.txt", 10));
        Clock.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal("Uploading 3 of 3", Headline);
    }

    [Fact]
    public async Task The_same_end_told_twice_counts_once()
    {
        Pick(("a.txt", 10), ("b.txt", 10), ("c.txt", 10));
        var ends = new[] { Ended(0), Ended(1, "Server") };

        await ReportAsync([], ends);
        await ReportAsync([], ends);

        Assert.Equal("Uploading 2 of 2", Headline);
        Assert.Equal("Not uploaded: 1", box.Find(".failed h3").TextContent);
    }

    [Fact]
    public async Task The_end_of_an_earlier_attempt_does_not_end_the_next()
    {
        Pick(("a.txt", 10));
        await ReportAsync([], [Ended(0, "Server")]);
        Click("Try again");

        // The circuit broke after the first telling: the browser tells it again, while the second attempt runs.
        await ReportAsync([], [Ended(0, "Server")]);
        Assert.Equal("Uploading 1 of 1", Headline);
        await ReportAsync([], [Ended(0, attempt: 1)]);

        Assert.Equal("1 file uploaded and verified", Headline);
        Assert.Empty(box.FindAll(".failed"));
    }

    [Theory]
    [InlineData("Gone", null, "“a.txt” was not uploaded: it was cancelled elsewhere, or waited too long. Try again.", true)]
    [InlineData("TooManyUploads", "50 are unfinished.", "50 are unfinished.", true)]
    [InlineData("SignedOut", null, "“a.txt” was not uploaded: you are signed out. Sign in in another tab, then try again.", true)]
    [InlineData("Unreadable", null, "“a.txt” was not uploaded: it was changed or removed on your device. Choose it again.", false)]
    [InlineData("Server", null, "“a.txt” was not uploaded: something went wrong on the server. Try again.", true)]
    [InlineData("StorageFull", "“a.txt” was not uploaded: the server has no room left.", "“a.txt” was not uploaded: the server has no room left.", true)]
    [InlineData("LengthMismatch", "Too short.", "Too short.", true)]
    [InlineData("ChangedMeanwhile", "Changed.", "Changed.", true)]
    [InlineData("ContentMismatch", "Not a text.", "Not a text.", false)]
    [InlineData("Whatever", null, "“a.txt” was not uploaded: something went wrong on the server. Try again.", false)]
    public async Task What_broke_says_why_and_offers_to_try_again_where_that_could_help(string code, string? told, string shown, bool retry)
    {
        Pick(("a.txt", 10));

        await ReportAsync([], [Ended(0, code, told)]);

        Assert.Equal(shown, Assert.Single(Reasons()));
        Assert.Equal(shown, Announced);
        Assert.Equal("1 file not uploaded", Headline);
        Assert.Equal(retry ? ["Try again: a.txt"] : [], box.FindAll(".reason button").Select(button => button.GetAttribute("aria-label")));
        if (retry)
        {
            Click("Try again");
            Assert.Equal(new(0, 1, "a.txt", "ask"), Assert.Single(Starts()));
            Assert.Empty(box.FindAll(".failed"));
        }
    }

    [Fact]
    public async Task All_that_can_be_tried_again_is_with_one_click()
    {
        Pick(("a.txt", 10), ("b.txt", 10), ("c.txt", 10));
        await ReportAsync([], [Ended(0, "Server"), Ended(1, "ContentMismatch", "No."), Ended(2, "Server")]);

        Click("Try all again");

        Assert.Equal([new(0, 1, "a.txt", "ask"), new(2, 1, "c.txt", "ask")], Starts());
        Assert.Equal(["No."], Reasons());
    }

    [Fact, Trait("Battery", "AUZ-12")]
    public async Task A_double_click_on_Try_again_sends_once()
    {
        Pick(("a.txt", 10));
        await ReportAsync([], [Ended(0, "Server")]);
        var again = ClickOf(box.Find(".reason button"));

        await again();
        await again();

        Assert.Single(browser.Invocations["start"]);
    }

    [Fact]
    public void A_mended_name_is_judged_again_and_sent()
    {
        Pick(("folder/a.txt", 10));
        Assert.Equal("“folder/a.txt” cannot be used: a name cannot contain / or \\. “a.txt” would do.", Assert.Single(Reasons()));

        Click("Upload as “a.txt”");

        Assert.Equal([new OfferedFile("a.txt", 10)], checks[1]);
        Assert.Equal(new(0, 1, "a.txt", "ask"), Assert.Single(Starts()));
        Assert.Empty(Reasons());
    }

    [Fact]
    public async Task A_mended_name_that_is_taken_is_asked_about()
    {
        await ReceiveAsync("a.txt");
        Pick(("folder/a.txt", 10));

        Click("Upload as “a.txt”");

        Assert.Null(Last("start"));
        Answer("Keep both");
        Assert.Equal(new(0, 1, "a.txt", "keepboth"), Assert.Single(Starts()));
    }

    [Fact, Trait("Battery", "AUZ-12")]
    public async Task A_double_click_on_a_mended_name_sends_once()
    {
        Pick(("folder/a.txt", 10));
        var mend = ClickOf(box.Find(".reason button"));

        // The second comes while the first is still being judged.
        var asked = Contexts.Hold();
        var first = mend();
        await asked;
        var second = mend();
        Contexts.LetGo();
        await first;
        await second;

        Assert.Equal(2, checks.Count);
        Assert.Single(browser.Invocations["start"]);
    }

    [Fact]
    public async Task One_is_cancelled_or_all()
    {
        Pick(("a.txt", 10), ("b.txt", 10), ("c.txt", 10));
        await ReportAsync(Moved(0, 1), Moved(1, 1));

        box.FindAll(".upload button")[1].Click();
        Assert.Equal([1], Assert.IsType<int[]>(Last("cancel")));
        // It goes when the browser says that it has ended.
        Assert.Equal("Uploading 1 of 3", Headline);
        await ReportAsync([], [Ended(1, "Cancelled")]);
        Assert.Equal("Uploading 1 of 2", Headline);

        Click("Cancel all");
        Assert.Equal([0, 2], Assert.IsType<int[]>(Last("cancel")));
        await ReportAsync([], [Ended(0, "Cancelled"), Ended(2, "Cancelled")]);

        Assert.Empty(box.FindAll(".uploads"));
        Assert.Equal("", Announced);
    }

    [Fact]
    public async Task Closing_forgets_what_failed()
    {
        Pick(("a.txt", 10), ("b.exe", 10));
        await ReportAsync([], [Ended(0, "Server")]);
        Assert.Equal("2 files not uploaded", Headline);

        Click("Close");

        Assert.Equal([0, 1], Assert.IsType<int[]>(Last("forget")));
        Assert.Empty(box.FindAll(".uploads"));
    }

    [Fact, Trait("Battery", "AUZ-12")]
    public async Task A_late_click_on_Close_forgets_nothing_that_is_on_its_way()
    {
        Pick(("a.txt", 10));
        await ReportAsync([], [Ended(0, "Server")]);
        var close = ClickOf(Button("Close"));

        Click("Try again");
        await close();

        Assert.Null(Last("forget"));
        Assert.Equal("Uploading 1 of 1", Headline);
    }

    [Fact]
    public void The_panel_folds_and_unfolds()
    {
        Pick(("a.txt", 10));

        Click("Hide");
        Assert.Contains("folded", box.Find(".uploads").ClassList);
        Assert.Equal("false", Button("Show").GetAttribute("aria-expanded"));
        Click("Show");

        Assert.DoesNotContain("folded", box.Find(".uploads").ClassList);
    }

    private Task<IReadOnlyList<Answer<Guid>>> MakeAsync(Guid? into, IReadOnlyList<IReadOnlyList<string>> paths)
    {
        madeIn = into;
        return Task.FromResult<IReadOnlyList<Answer<Guid>>>([.. paths.Select(path => path[0] == " " ? Refusal.NameMissing() : new Answer<Guid>(made, null))]);
    }

    [Fact]
    public async Task Folders_are_made_first_and_what_cannot_be_made_is_named()
    {
        var parent = Guid.CreateVersion7();

        var answer = await box.InvokeAsync(() => box.Instance.Folders(parent, [["good", "deep"], [" "]]));

        Assert.Equal([made, null], answer);
        Assert.Equal(parent, madeIn);
        Assert.Equal("A file needs a name. What is in it was not uploaded.", Assert.Single(Reasons()));
        Assert.Empty(await box.InvokeAsync(() => box.Instance.Folders(null, new string[UploadBox.BatchSize + 1][])));
    }

    [Fact]
    public async Task What_had_not_arrived_when_the_page_was_left_is_named()
    {
        await box.InvokeAsync(() => box.Instance.Interrupted(["a.txt", "b\u202Egpj.exe"]));

        Assert.Equal(
            ["“a.txt” was not uploaded: the page was left before it arrived. Choose it again.",
                "“b\uFFFDgpj.exe” was not uploaded: the page was left before it arrived. Choose it again."], Reasons());
        Assert.Equal("2 files not uploaded", Announced);
    }

    [Fact, Trait("Battery", "NAM-06")]
    public async Task Hostile_names_are_shown_as_text_with_marks()
    {
        Pick(("invoice\u202Egpj.exe", 1), ("\"><img src=x onerror=alert(1)>.txt", 2), ("<img src=x onerror=alert(1)>.exe", 3));
        await ReportAsync(Moved(1, 1));

        Assert.StartsWith("“invoice\uFFFDgpj.exe” cannot be used", Reasons()[0], StringComparison.Ordinal);
        Assert.StartsWith("“<img src=x onerror=alert(1)>.exe” was not uploaded", Reasons()[1], StringComparison.Ordinal);
        Assert.DoesNotContain('\u202E', box.Markup);
        Assert.Equal("\"><img src=x onerror=alert(1)>.txt", box.Find(".upload .name").TextContent);
        Assert.Empty(box.FindAll("img"));
    }

    [Fact]
    public async Task Ten_thousand_files_are_a_handful_of_rows()
    {
        for (var batch = 0; batch < 50; batch++)
        {
            Pick([.. Enumerable.Range(0, 200).Select(i => ($"{batch}-{i}.{(i % 2 == 0 ? "txt" : "exe")}", 10))]);
        }

        await ReportAsync([.. Enumerable.Range(0, 100).Select(i => Moved(2 * i, 5))], [Ended(200), Ended(202, "Server")]);

        Assert.Equal("Uploading 2 of 4,999", Headline);
        Assert.Equal("Not uploaded: 5,001", box.Find(".failed h3").TextContent);
        Assert.InRange(box.FindAll(".upload").Count, 1, 10);
        Assert.InRange(box.FindAll(".reason").Count, 1, 150);
    }

    [Fact]
    public async Task What_the_browser_did_not_hear_is_told_again()
    {
        var start = browser.SetupVoid("start", _ => true);
        Pick(("a.txt", 10));
        await ReportAsync([], [Ended(0, "Server")]);
        Click("Try again");

        // What a call becomes that was sent while the connection was away.
        start.SetCanceled();
        start.SetVoidResult();

        box.WaitForAssertion(() => Assert.Equal(2, browser.Invocations["start"].Count));
        Assert.Empty(Log.Errors);
    }

    [Fact]
    public async Task Leaving_lets_the_browser_go_and_what_comes_later_is_harmless()
    {
        var instance = box.Instance;
        Pick(("a.txt", 10));

        await DisposeComponentsAsync();

        Assert.Single(browser.Invocations["dispose"]);
        await Renderer.Dispatcher.InvokeAsync(() => instance.Report(new([], [Ended(0)], [], 0)));
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Single(browser.Invocations["verdicts"]);
    }

    [Fact]
    public async Task A_circuit_that_is_gone_is_left_in_peace()
    {
        browser.SetupVoid("dispose", _ => true).SetException(new JSDisconnectedException("Gone."));

        await DisposeComponentsAsync();

        Assert.Empty(Log.Errors);
    }

    [Fact]
    public async Task Receipts_are_counted_and_one_that_comes_later_is_waited_for()
    {
        Pick(("a.txt", 10), ("b.txt", 10));
        await ReportAsync([], [Ended(0), Ended(1, verified: null)]);
        Assert.Equal("2 files uploaded, verifying…", Headline);
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.NotEmpty(box.FindAll(".uploads"));

        await VerifyAsync(new UploadChecked(1, true), new UploadChecked(1, true), new UploadChecked(0, false), new UploadChecked(7, true));

        Assert.Equal("2 files uploaded, all verified", Headline);
        Assert.Equal(Headline, Announced);
        Clock.Advance(TimeSpan.FromSeconds(6.1));
        box.WaitForAssertion(() => Assert.Empty(box.FindAll(".uploads")));
    }

    [Fact]
    public async Task What_could_not_be_verified_is_not_said_to_be()
    {
        Pick(("a.txt", 10), ("b.txt", 10));
        await ReportAsync([], [Ended(0), Ended(1, verified: null)]);

        await VerifyAsync(new UploadChecked(1, null));

        Assert.Equal("2 files uploaded (1 verified)", Headline);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_arrived_differently_is_a_failure_and_is_replaced_when_it_is_tried_again(bool later)
    {
        Pick(("a.txt", 10));

        await ReportAsync([], [Ended(0, verified: later ? null : false)]);
        if (later)
        {
            await VerifyAsync(new UploadChecked(0, false));
        }

        Assert.Equal("“a.txt” was uploaded, but what arrived is not what is on your device. Try again.", Assert.Single(Reasons()));
        Assert.Equal("1 file not uploaded", Headline);
        Click("Try again");
        Assert.Equal(new(0, 1, "a.txt", "replace"), Assert.Single(Starts()));
        await ReportAsync([], [Ended(0, attempt: 1)]);
        Assert.Equal("1 file uploaded and verified", Headline);
    }

    [Fact]
    public async Task Trying_again_brings_the_browser_a_fresh_token()
    {
        Pick(("a.txt", 10));
        await ReportAsync([], [Ended(0, "SignedOut")]);

        Click("Try again");

        Assert.Equal("token 2", Last("token"));
        Assert.Single(Starts());
    }

    [Fact]
    public async Task An_upload_is_paused_and_goes_on_here_and_on_the_server()
    {
        var id = Guid.CreateVersion7();
        Pick(("a.txt", 3 << 20));
        await ReportAsync(Moved(0, 1 << 20, 1024, id));

        Click("Pause");
        Assert.Equal([0], Assert.IsType<int[]>(Last("pause")));
        Assert.Equal($"pause {id}", server.Told.Single());
        await ReportAsync(Moved(0, 1 << 20, 0, id, UploadState.Paused));
        Assert.Equal("1 file paused", Headline);
        Assert.Equal(Headline, Announced);
        Assert.Equal("1 MB of 3 MB · Paused", Figures());
        Assert.Equal("Continue a.txt", box.Find(".upload button").GetAttribute("aria-label"));
        // What was handed over had not all arrived.
        await ServerHasAsync(Upload(id, UploadPhase.Paused, length: 3 << 20, offset: 500 * 1024));
        Assert.Equal("500 KB of 3 MB · Paused", Figures());

        Click("Continue");
        Assert.Equal([0], Assert.IsType<int[]>(Last("go")));
        Assert.Equal($"continue {id}", server.Told[1]);
        await ReportAsync(Moved(0, 1 << 20, 0, id, UploadState.Waiting));
        Assert.Equal("Uploading 1 of 1", Headline);
    }

    [Fact]
    public async Task What_is_paused_or_continued_elsewhere_is_so_here()
    {
        var id = Guid.CreateVersion7();
        Pick(("a.txt", 100));
        await ReportAsync(Moved(0, 10, 0, id));
        await ServerHasAsync(Upload(id, UploadPhase.Running));

        await ServerHasAsync(Upload(id, UploadPhase.Paused));
        Assert.Equal([0], Assert.IsType<int[]>(Last("pause")));
        await ReportAsync(Moved(0, 10, 0, id, UploadState.Paused));
        Assert.Null(Last("go"));

        await ServerHasAsync(Upload(id, UploadPhase.Waiting));
        Assert.Equal([0], Assert.IsType<int[]>(Last("go")));
        // It is this page's own: the server's word for it is not a second row.
        Assert.Single(box.FindAll(".upload"));
        Assert.Empty(server.Told);
    }

    [Fact]
    public async Task What_is_paused_elsewhere_before_the_first_answer_has_come_is_so_here()
    {
        var (id, creation) = (Guid.CreateVersion7(), Guid.NewGuid());
        Pick(("a.txt", 100));
        await ReportAsync(Moved(0, 10) with { Creation = creation });
        // Another of that name and size comes from another device.
        var other = Upload(Guid.CreateVersion7(), UploadPhase.Running);
        await ServerHasAsync(other, Upload(id, UploadPhase.Running) with { CreationKey = creation });
        await ReportAsync(Moved(0, 20) with { Creation = creation });
        Assert.Equal(2, box.FindAll(".upload").Count);

        await ServerHasAsync(other with { Phase = UploadPhase.Paused }, Upload(id, UploadPhase.Running) with { CreationKey = creation });
        Assert.Null(Last("pause"));
        await ServerHasAsync(other, Upload(id, UploadPhase.Paused) with { CreationKey = creation });
        Assert.Equal([0], Assert.IsType<int[]>(Last("pause")));
    }

    [Fact]
    public async Task What_is_paused_here_before_the_first_answer_has_come_is_so_for_everybody()
    {
        var (id, creation) = (Guid.CreateVersion7(), Guid.NewGuid());
        Pick(("a.txt", 3 << 20));
        await ReportAsync(Moved(0, 10) with { Creation = creation });
        Click("Pause");
        await ReportAsync(Moved(0, 10) with { Creation = creation, State = UploadState.Paused });
        Assert.DoesNotContain($"pause {id}", server.Told);

        await ServerHasAsync(Upload(id, UploadPhase.Waiting, length: 3 << 20) with { CreationKey = creation });

        Assert.Contains($"pause {id}", server.Told);
    }

    [Fact]
    public async Task The_browser_looks_after_what_has_ended_elsewhere_while_it_was_paused_here()
    {
        var id = Guid.CreateVersion7();
        Pick(("a.txt", 100));
        await ReportAsync(Moved(0, 10, 0, id, UploadState.Paused));
        await ServerHasAsync(Upload(id, UploadPhase.Paused));

        await ServerHasAsync();

        Assert.Equal([0], Assert.IsType<int[]>(Last("go")));
        await ReportAsync([], [Ended(0, "Gone")]);
        Assert.Equal("1 file not uploaded", Headline);
    }

    [Fact]
    public async Task What_other_tabs_and_devices_send_is_shown_and_can_be_paused_and_cancelled_from_here()
    {
        var running = Upload(Guid.CreateVersion7(), UploadPhase.Running, "film.txt", 4096, 1024, 512);
        await ServerHasAsync(running);

        Assert.Equal("Uploading elsewhere", Headline);
        Assert.Equal("1 KB of 4 KB · 512 bytes/s · 6 s left · from another tab or device", Figures());
        Assert.Equal("25", box.Find("progress").GetAttribute("value"));
        Assert.Equal(["Pause film.txt", "Cancel film.txt"], Actions());
        Click("Pause");
        Assert.Equal($"pause {running.Id}", server.Told[0]);

        await ServerHasAsync(running with { Phase = UploadPhase.Paused });
        Assert.Equal("1 KB of 4 KB · Paused", Figures());
        Assert.Equal("1 unfinished upload", Headline);
        Click("Continue");
        Assert.Equal($"continue {running.Id}", server.Told[1]);

        await ServerHasAsync(running with { Phase = UploadPhase.Waiting });
        Assert.Equal("25 % of 4 KB arrived. Choose this file again to continue, within 5 hours.", Figures());
        Assert.Equal(["Choose again: film.txt", "Cancel film.txt"], Actions());
        Assert.True(Button("Choose again").HasAttribute("data-choose-file"));
        Click("Cancel");
        Assert.Equal($"discard {running.Id}", server.Told[2]);
        // It goes at once, not only when the server has said so.
        Assert.Empty(box.FindAll(".uploads"));
        Assert.Equal(3, server.Told.Count);
    }

    [Fact]
    public async Task Cancelling_asks_when_much_has_arrived()
    {
        var much = Upload(Guid.CreateVersion7(), UploadPhase.Waiting, "film.txt", 1L << 30, 700L << 20);
        await ServerHasAsync(much);

        Click("Cancel");
        Assert.Equal("700 MB of “film.txt” have arrived already. They will be thrown away.", dialog.Find(".rz-dialog-content p").TextContent);
        Answer("Go on uploading");
        Assert.Empty(server.Told);
        Assert.Single(box.FindAll(".upload"));

        Click("Cancel");
        Answer("Cancel upload");
        Assert.Equal($"discard {much.Id}", server.Told.Single());
    }

    [Fact]
    public async Task The_same_file_chosen_again_goes_on_where_the_server_has_it()
    {
        var waiting = Upload(Guid.CreateVersion7(), UploadPhase.Waiting, "film.txt", 100, 30);
        var paused = Upload(Guid.CreateVersion7(), UploadPhase.Paused, "song.txt", 50, 30);
        await ServerHasAsync(waiting, paused);

        Pick(("film.txt", 100), ("song.txt", 50), ("other.txt", 100));

        Assert.Equal([new(0, "film.txt", true), new(1, "song.txt", true), new(2, "other.txt", false)], Verdicts());
        // To choose it is to want it to go on.
        Assert.Equal([$"continue {paused.Id}"], server.Told);
        await ReportAsync(Moved(0, 40), Moved(1, 40, 0, paused.Id));
        // Its row and the server's are one, also before the browser has heard which upload it is.
        Assert.Equal(["film.txt", "song.txt"], box.FindAll(".upload .name").Select(name => name.TextContent));
        await ReportAsync(Moved(0, 50, 0, waiting.Id));
        Assert.Equal(["film.txt", "song.txt"], box.FindAll(".upload .name").Select(name => name.TextContent));
    }

    [Theory]
    [InlineData("Keep both")]
    [InlineData("Skip")]
    public async Task A_name_that_was_taken_when_all_bytes_were_there_is_decided_on_the_server(string answer)
    {
        var id = Guid.CreateVersion7();
        Pick(("a.txt", 10));
        await ReportAsync([], [Ended(0, "Asking", "It has arrived.", id: id)]);

        Answer(answer);

        if (answer == "Skip")
        {
            Assert.Equal([$"discard {id}"], server.Told);
            Assert.Equal([0], Assert.IsType<int[]>(Last("forget")));
            Assert.Null(Last("start"));
            return;
        }

        Assert.Equal([$"KeepBoth {id}"], server.Told);
        // The browser asks what became of it, and compares the hashes.
        Assert.Equal(new(0, 1, "a.txt", "keepboth"), Assert.Single(Starts()));
        await ReportAsync([], [Ended(0, attempt: 1)]);
        Assert.Equal("1 file uploaded and verified", Headline);
    }

    [Fact]
    public async Task A_refused_decision_says_why()
    {
        server.Refusal = Refusal.StorageFull("a.txt");
        Pick(("a.txt", 10));
        await ReportAsync([], [Ended(0, "Asking", id: Guid.CreateVersion7())]);

        Answer("Replace");

        Assert.Equal(server.Refusal.Sentence, Assert.Single(Reasons()));
        Assert.Null(Last("start"));
    }

    [Fact]
    public async Task What_arrived_from_elsewhere_under_a_taken_name_is_asked_about_only_when_the_person_wants_to_answer()
    {
        var asking = Upload(Guid.CreateVersion7(), UploadPhase.Asking, "film.txt");
        await ServerHasAsync(asking);
        Assert.Empty(dialog.FindAll(".answers"));
        Assert.Equal("It has arrived, but you have a file of that name by now.", Figures());

        Click("Decide");
        Answer("Replace");

        Assert.Equal([$"Replace {asking.Id}"], server.Told);
    }

    [Fact]
    public async Task While_the_line_is_broken_no_speed_is_claimed_and_it_is_said_once()
    {
        Pick(("a.txt", 100));
        await ReportAsync(Moved(0, 10, 50));
        await ReportAsync(Moved(0, 10, 5, null, UploadState.Offline));

        Assert.Equal("10 bytes of 100 bytes", Figures());
        Assert.Equal("Waiting for the network…", Announced);
        Assert.Equal("Uploading 1 of 1", Headline);
        await ReportAsync(Moved(0, 20, 5));
        Assert.Equal("", Announced);
    }

    [Fact]
    public async Task Changes_on_the_server_are_asked_for_four_times_a_second_at_most_and_the_last_is_not_missed()
    {
        var asked = server.Asked;
        for (var i = 0; i < 10; i++)
        {
            server.Change(Upload(Guid.CreateVersion7(), UploadPhase.Waiting, $"{i}.txt"));
        }

        Assert.InRange(server.Asked - asked, 0, 1);
        await Eventually.TrueAsync(() =>
        {
            Clock.Advance(TimeSpan.FromSeconds(0.3));
            return box.Markup.Contains("9.txt", StringComparison.Ordinal);
        }, "the last change is seen");
        Assert.InRange(server.Asked - asked, 1, 2);
    }

    [Fact]
    public async Task Closing_puts_unfinished_uploads_out_of_sight_until_something_new_is_picked()
    {
        await ServerHasAsync(Upload(Guid.CreateVersion7(), UploadPhase.Waiting, "film.txt"));

        Click("Close");
        Assert.Empty(box.FindAll(".uploads"));
        Assert.Empty(server.Told);
        Pick(("a.txt", 10));

        Assert.Equal(["film.txt"], box.FindAll(".upload .name").Select(name => name.TextContent));
    }

    [Fact, Trait("Battery", "LOG-01")]
    public async Task A_server_that_cannot_do_it_says_so_with_an_id_and_the_page_lives()
    {
        await ServerHasAsync(Upload(Guid.CreateVersion7(), UploadPhase.Running, "film.txt"));
        server.Failure = new InvalidOperationException("Data Source=/secret/place.db");

        Click("Pause");

        Assert.Matches("^Something went wrong on the server \\(id [0-9a-f]{8}\\). Try again.$", Assert.Single(Reasons()));
        Assert.Same(server.Failure, Assert.Single(Log.Errors).Failure);
    }

    [Fact]
    public void The_picker_waits_until_its_script_is_there()
    {
        using var other = new BunitContext();
        other.Services.AddSingleton<TimeProvider>(Clock);
        other.Services.AddRadzenComponents();
        other.Services.AddSingleton<IJSRuntime>(new SilentBrowser());

        var early = other.Render<UploadBox>(box => box.Add(b => b.Check, CheckAsync).Add(b => b.MakeFolders, MakeAsync).Add(b => b.IsFolder, (_, _) => Task.FromResult(false)).Add(b => b.Uploads, server.Uploads));

        Assert.True(early.Find("input[type=file]").HasAttribute("disabled"));
        Assert.False(box.Find("input[type=file]").HasAttribute("disabled"));
        Assert.Equal("Upload files", box.Find("input[type=file]").GetAttribute("aria-label"));
    }

    private static QueuedUpload Upload(Guid id, UploadPhase phase, string name = "a.txt", long length = 100, long offset = 10, double speed = 0)
        => new(id, name, length, offset, phase, speed, new DateTime(2026, 3, 14, 15, 0, 0, DateTimeKind.Utc), null);

    private async Task ServerHasAsync(params QueuedUpload[] uploads)
    {
        var asked = server.Asked;
        server.Change(uploads);
        await Eventually.TrueAsync(() =>
        {
            Clock.Advance(TimeSpan.FromSeconds(0.3));
            return server.Asked > asked;
        }, "the page asks again");
        // It asks and draws in one go, in turn with everything else: this comes after.
        await box.InvokeAsync(() => { });
    }

    private string[] Actions() => [.. box.FindAll(".upload button").Select(button => button.GetAttribute("aria-label")!)];

    private string Headline => box.Find(".uploads h2").TextContent;

    private string Announced => box.Find("p[role=status]").TextContent;

    private Task<IReadOnlyList<Answer<string>>> CheckAsync(IReadOnlyList<OfferedFile> files)
    {
        checks.Add(files);
        return checkFails is null ? Library.CheckAsync(Owner, files) : throw checkFails;
    }

    private void Pick(params (string Name, int Size)[] files)
    {
        var before = browser.Invocations["verdicts"].Count;
        box.FindComponent<InputFile>().UploadFiles([.. files.Select(file => InputFileContent.CreateFromBinary(new byte[file.Size], file.Name))]);
        box.WaitForState(() => browser.Invocations["verdicts"].Count > before);
    }

    private Task ReportAsync(params UploadMoved[] moved) => ReportAsync(moved, []);

    private Task ReportAsync(UploadMoved[] moved, params UploadEnded[] ended)
        => box.InvokeAsync(() => box.Instance.Report(new UploadReport(moved, ended, [], 1024)));

    private Task VerifyAsync(params UploadChecked[] receipts) => box.InvokeAsync(() => box.Instance.Report(new UploadReport([], [], receipts, 0)));

    private static UploadMoved Moved(int key, long sent, double speed = 0, Guid? id = null, UploadState state = UploadState.Sending) => new(key, id, sent, speed, state);

    private static UploadEnded Ended(int key, string? code = null, string? sentence = null, int attempt = 0, Guid? id = null, bool? verified = true)
        => new(key, attempt, id, code, sentence, null, verified);

    private object? Last(string call) => browser.Invocations[call] is [.., var last] ? last.Arguments[0] : null;

    private UploadVerdict[] Verdicts() => Assert.IsType<UploadVerdict[]>(Last("verdicts"));

    private UploadStart[] Starts() => Assert.IsType<UploadStart[]>(Last("start"));

    private string[] Reasons() => [.. box.FindAll(".reason p").Select(reason => reason.TextContent)];

    private string Figures() => box.Find(".upload .figures").TextContent;

    private AngleSharp.Dom.IElement Button(string text) => box.FindAll(".uploads button").Single(button => button.TextContent == text);

    private void Click(string text) => Button(text).Click();

    private string[] Answers() => [.. dialog.FindAll(".answers button").Select(button => button.TextContent)];

    private void Answer(string text) => dialog.FindAll(".answers button").Single(button => button.TextContent == text).Click();

    /// <summary>The account's uploads on a server that does nothing but note what it is told.</summary>
    private sealed class Server
    {
        private IReadOnlyList<QueuedUpload> uploads = [];
        private Action? changed;
        private int tokens;

        public AccountUploads Uploads => new(
            () => Task.FromResult<string?>($"token {++tokens}"),
            () =>
            {
                Asked++;
                return Task.FromResult(uploads);
            },
            ids => TellAsync("pause", ids),
            ids => TellAsync("continue", ids),
            ids => TellAsync("discard", ids),
            async (id, choice) =>
            {
                await TellAsync(choice.ToString(), [id]);
                return Refusal;
            },
            heard =>
            {
                changed = heard;
                return new MemoryStream();
            });

        public List<string> Told { get; } = [];

        public int Asked { get; private set; }

        public Exception? Failure { get; set; }

        public Refusal? Refusal { get; set; }

        public void Change(params QueuedUpload[] now)
        {
            uploads = now;
            changed!();
        }

        private Task TellAsync(string what, IReadOnlyCollection<Guid> ids)
        {
            if (Failure is not null)
            {
                throw Failure;
            }

            Told.AddRange(ids.Select(id => $"{what} {id}"));
            return Task.CompletedTask;
        }
    }

    /// <summary>A browser whose answers are still on their way.</summary>
    private sealed class SilentBrowser : IJSRuntime
    {
        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, object?[]? args) => new(new TaskCompletionSource<TValue>().Task);

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, CancellationToken cancellationToken, object?[]? args)
            => InvokeAsync<TValue>(identifier, args);
    }
}
