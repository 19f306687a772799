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
    private BunitJSModuleInterop browser = null!;
    private IRenderedComponent<UploadBox> box = null!;
    private IRenderedComponent<RadzenDialog> dialog = null!;
    private Exception? checkFails;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        var module = JSInterop.SetupModule("./Uploads/UploadBox.razor.js");
        browser = module.SetupModule("attach", _ => true);
        foreach (var call in (string[])["verdicts", "start", "cancel", "forget", "dispose"])
        {
            browser.SetupVoid(call, _ => true).SetVoidResult();
        }

        var page = Render((RenderTreeBuilder page) =>
        {
            page.OpenComponent<UploadBox>(0);
            page.AddComponentParameter(2, nameof(UploadBox.Account), Guid.CreateVersion7());
            page.AddComponentParameter(1, nameof(UploadBox.Check), (Func<IReadOnlyList<OfferedFile>, Task<IReadOnlyList<Answer<string>>>>)CheckAsync);
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
        Assert.Equal([new(0, "good.txt"), new(1, null), new(2, null), new(3, null), new(4, "also.pdf")], Verdicts());
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
        Assert.Equal(Enumerable.Range(0, 200).Select(i => new UploadVerdict(i, $"{i}.txt")), Verdicts());
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

        Assert.Equal([new(0, null), new(1, null)], Verdicts());
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
        Assert.Equal([25.0, 50.0, 25.0], box.FindComponents<RadzenProgressBar>().Select(bar => bar.Instance.Value));
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

        Assert.Equal("2 files uploaded", Announced);
        Assert.Equal("2 files uploaded", Headline);
        Clock.Advance(TimeSpan.FromSeconds(5.9));
        Assert.NotEmpty(box.FindAll(".uploads"));
        Clock.Advance(TimeSpan.FromSeconds(0.2));
        box.WaitForAssertion(() => Assert.Empty(box.FindAll(".uploads")));

        Pick(("c.txt", 10));
        // Silent before it is said again, or the second "1 file uploaded" in a row would not be heard.
        Assert.Equal("", Announced);
        await ReportAsync([], [Ended(2)]);
        Assert.Equal("1 file uploaded", Announced);
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
        Assert.Equal("1 file uploaded", Headline);
        Clock.Advance(TimeSpan.FromSeconds(2.1));

        box.WaitForAssertion(() => Assert.Empty(box.FindAll(".uploads")));
    }

    [Fact]
    public async Task The_panel_stays_when_something_new_came_or_something_failed()
    {
        Pick(("a.txt", 10), ("b.txt", 10));
        await ReportAsync([], [Ended(0), Ended(1, "Network")]);
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("1 file uploaded, 1 not", Headline);
        Assert.Equal("1 file uploaded, 1 not", Announced);

        Click("Try again");
        await ReportAsync([], [Ended(1, attempt: 1)]);
        Assert.Equal("2 files uploaded", Headline);
        Pick(("c.txt", 10));
        Clock.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal("Uploading 1 of 1", Headline);
    }

    [Fact]
    public async Task The_same_end_told_twice_counts_once()
    {
        Pick(("a.txt", 10), ("b.txt", 10), ("c.txt", 10));
        var ends = new[] { Ended(0), Ended(1, "Network") };

        await ReportAsync([], ends);
        await ReportAsync([], ends);

        Assert.Equal("Uploading 2 of 2", Headline);
        Assert.Equal("Not uploaded: 1", box.Find(".failed h3").TextContent);
    }

    [Fact]
    public async Task The_end_of_an_earlier_attempt_does_not_end_the_next()
    {
        Pick(("a.txt", 10));
        await ReportAsync([], [Ended(0, "Network")]);
        Click("Try again");

        // The circuit broke after the first telling: the browser tells it again, while the second attempt runs.
        await ReportAsync([], [Ended(0, "Network")]);
        Assert.Equal("Uploading 1 of 1", Headline);
        await ReportAsync([], [Ended(0, attempt: 1)]);

        Assert.Equal("1 file uploaded", Headline);
        Assert.Empty(box.FindAll(".failed"));
    }

    [Theory]
    [InlineData("Network", null, "“a.txt” was not uploaded: the connection broke. Try again.", true)]
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
        Assert.Equal(retry ? ["Try a.txt again"] : [], box.FindAll(".reason button").Select(button => button.GetAttribute("aria-label")));
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
        await ReportAsync([], [Ended(0, "Network"), Ended(1, "ContentMismatch", "No."), Ended(2, "Server")]);

        Click("Try all again");

        Assert.Equal([new(0, 1, "a.txt", "ask"), new(2, 1, "c.txt", "ask")], Starts());
        Assert.Equal(["No."], Reasons());
    }

    [Fact, Trait("Battery", "AUZ-12")]
    public async Task A_double_click_on_Try_again_sends_once()
    {
        Pick(("a.txt", 10));
        await ReportAsync([], [Ended(0, "Network")]);
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
        await ReportAsync([], [Ended(0, "Network")]);
        Assert.Equal("2 files not uploaded", Headline);

        Click("Close");

        Assert.Equal([0, 1], Assert.IsType<int[]>(Last("forget")));
        Assert.Empty(box.FindAll(".uploads"));
    }

    [Fact, Trait("Battery", "AUZ-12")]
    public async Task A_late_click_on_Close_forgets_nothing_that_is_on_its_way()
    {
        Pick(("a.txt", 10));
        await ReportAsync([], [Ended(0, "Network")]);
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

    [Theory]
    [InlineData(1, "A folder was left out: only files can be uploaded.")]
    [InlineData(3, "3 folders were left out: only files can be uploaded.")]
    public async Task Folders_are_left_out_with_a_sentence(int count, string sentence)
    {
        await box.InvokeAsync(() => box.Instance.FoldersDropped(count));

        Assert.Equal(sentence, Assert.Single(Reasons()));
        Assert.Equal(sentence, Announced);
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

        await ReportAsync([.. Enumerable.Range(0, 100).Select(i => Moved(2 * i, 5))], [Ended(200), Ended(202, "Network")]);

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
        await ReportAsync([], [Ended(0, "Network")]);
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
        await Renderer.Dispatcher.InvokeAsync(() => instance.Report(new([], [Ended(0)], 0)));
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
    public void The_picker_waits_until_its_script_is_there()
    {
        using var other = new BunitContext();
        other.Services.AddSingleton<TimeProvider>(Clock);
        other.Services.AddRadzenComponents();
        other.Services.AddSingleton<IJSRuntime>(new SilentBrowser());

        var early = other.Render<UploadBox>(box => box.Add(b => b.Check, CheckAsync));

        Assert.True(early.Find("input[type=file]").HasAttribute("disabled"));
        Assert.False(box.Find("input[type=file]").HasAttribute("disabled"));
        Assert.Equal("Upload files", box.Find("input[type=file]").GetAttribute("aria-label"));
    }

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
        => box.InvokeAsync(() => box.Instance.Report(new UploadReport(moved, ended, 1024)));

    private static UploadMoved Moved(int key, long sent, double speed = 0) => new(key, sent, speed);

    private static UploadEnded Ended(int key, string? code = null, string? sentence = null, int attempt = 0) => new(key, attempt, code, sentence, null);

    private object? Last(string call) => browser.Invocations[call] is [.., var last] ? last.Arguments[0] : null;

    private UploadVerdict[] Verdicts() => Assert.IsType<UploadVerdict[]>(Last("verdicts"));

    private UploadStart[] Starts() => Assert.IsType<UploadStart[]>(Last("start"));

    private string[] Reasons() => [.. box.FindAll(".reason p").Select(reason => reason.TextContent)];

    private string Figures() => box.Find(".upload .figures").TextContent;

    private AngleSharp.Dom.IElement Button(string text) => box.FindAll(".uploads button").Single(button => button.TextContent == text);

    private void Click(string text) => Button(text).Click();

    private string[] Answers() => [.. dialog.FindAll(".answers button").Select(button => button.TextContent)];

    private void Answer(string text) => dialog.FindAll(".answers button").Single(button => button.TextContent == text).Click();

    /// <summary>A browser whose answers are still on their way.</summary>
    private sealed class SilentBrowser : IJSRuntime
    {
        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, object?[]? args) => new(new TaskCompletionSource<TValue>().Task);

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, CancellationToken cancellationToken, object?[]? args)
            => InvokeAsync<TValue>(identifier, args);
    }
}
