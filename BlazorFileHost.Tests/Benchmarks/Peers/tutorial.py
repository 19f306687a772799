"""A file host as tutorials build it with Flask: login, secure_filename, a directory per user, a row per file in SQLite."""
import os
import sqlite3

from flask import Flask, flash, g, redirect, request, send_from_directory
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.utils import secure_filename

ROOT = os.environ["TUTORIAL_DIRECTORY"]
ALLOWED = {"txt", "pdf", "png", "jpg", "jpeg", "gif", "docx", "xlsx", "ppt", "pptx"}

app = Flask(__name__)
app.secret_key = "of a server that lives for one measurement"
login = LoginManager(app)


class User(UserMixin):
    def __init__(self, row):
        self.id, self.email, self.password = row


def db():
    if "db" not in g:
        g.db = sqlite3.connect(os.path.join(ROOT, "app.db"), timeout=30)
        g.db.execute("CREATE TABLE IF NOT EXISTS user (id INTEGER PRIMARY KEY, email TEXT UNIQUE, password TEXT)")
        g.db.execute("CREATE TABLE IF NOT EXISTS file (id INTEGER PRIMARY KEY, path TEXT, rel_path TEXT, name TEXT, user_id INTEGER)")
        g.db.execute("CREATE INDEX IF NOT EXISTS file_name ON file (user_id, name)")
    return g.db


@app.teardown_appcontext
def close(_):
    if "db" in g:
        g.db.close()


@login.user_loader
def load(user_id):
    row = db().execute("SELECT id, email, password FROM user WHERE id = ?", (user_id,)).fetchone()
    return User(row) if row else None


@app.post("/register")
def register():
    db().execute("INSERT INTO user (email, password) VALUES (?, ?)",
                 (request.form["email"], generate_password_hash(request.form["password"])))
    db().commit()
    return redirect("/login")


@app.post("/login")
def sign_in():
    row = db().execute("SELECT id, email, password FROM user WHERE email = ?", (request.form["email"],)).fetchone()
    if row and check_password_hash(row[2], request.form["password"]):
        login_user(User(row))
    return redirect("/")


@app.get("/")
def home():
    return "files"


@app.post("/upload")
@login_required
def upload():
    file = request.files["file"]
    name = secure_filename(file.filename)
    if name.rsplit(".", 1)[-1].lower() not in ALLOWED:
        flash("This type of file is not allowed.")
        return redirect("/?refused")
    if db().execute("SELECT 1 FROM file WHERE user_id = ? AND name = ?", (current_user.id, name)).fetchone():
        flash("You already have a file with that name! Please rename your file and upload.")
        return redirect("/?refused")
    directory = os.path.join(ROOT, "uploads", str(current_user.id))
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, name)
    file.save(path)
    db().execute("INSERT INTO file (path, rel_path, name, user_id) VALUES (?, ?, ?, ?)",
                 (path, os.path.join(str(current_user.id), name), name, current_user.id))
    db().commit()
    return redirect("/")


@app.get("/files/<name>")
@login_required
def download(name):
    return send_from_directory(os.path.join(ROOT, "uploads", str(current_user.id)), secure_filename(name), as_attachment=True)
