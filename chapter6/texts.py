"""What the page on the chapter says in English and in Chinese, and its look beyond that of the other pages."""

from __future__ import annotations

CHINESE = {
    "Chapter 6: techniques related to learning": "第6章 与学习相关的技巧",
    "The figures of the chapter of Deep Learning from Scratch, computed by tensorgrad, and whether what the book "
    "concludes from them comes out.": (
        "《深度学习入门》第6章的图，由 tensorgrad 计算得出，并逐一检验书中的结论是否成立。"
    ),
    "Contents": "目录",
    "Figure": "图",
    "beyond the book": "书外补充",
    "Experiment": "实验",
    "Verdicts, numbers and source": "结论、数值与源代码",
    "pass": "成立",
    "fail": "不成立",
    "needs MNIST": "需要 MNIST",
    "verdict": "判定",
    "conclusion of the book": "书中的结论",
    "measured": "测得",
    "Settings": "设置",
    "data": "数据",
    "the bundled 8x8 digits": "自带的 8×8 手写数字",
    "seed": "随机种子",
    "time": "用时",
    "Numbers": "数值",
    "name": "名称",
    "value": "值",
    "{count} numbers from {low} to {high}": "{count} 个数，从 {low} 到 {high}",
    "and {count} more in result.json": "另有 {count} 项，见 result.json",
    "all numbers (JSON)": "全部数值（JSON）",
    "log": "日志",
    "Source": "源代码",
    "as PNG": "PNG 图片",
    "by itself": "单独打开",
    "interactive drawing (SVG)": "可交互的图（SVG）",
    "as SVG": "SVG 图片",
    "not run yet; run it by": "尚未运行；运行命令：",
    "stopped with an error": "运行出错",
    "conclusions that hold": "成立的结论",
    "figures": "图",
    "put {files} into a folder DIR, copied from another machine where downloads are blocked; add {way}.": (
        "把四个文件 {files} 放入一个文件夹 DIR（不能下载时从别的机器复制），然后加上 {way} 运行。"
    ),
    "back to the contents": "返回目录",
    "What the papers say, and what comes out here": "论文怎么说，这里得到什么",
    "Eight papers that chapter 6 tells of, each with what it claims, and an experiment that a CPU can do in "
    "minutes. The bars were fixed before the run, the seeds are 0, 1, 2 and so on.": (
        "第6章涉及的八篇论文：每篇的论断，以及一个在CPU上几分钟内可以完成的实验。"
        "标准在运行之前就已确定，随机种子依次为0、1、2……"
    ),
    "what the paper says": "论文的论断",
    "the paper": "论文",
    "the bar": "标准",
    "what is smaller here": "这里缩小了什么",
    "what was found": "发现",
    "source": "出处",
}
"""Each text of the page by the English one, which stands where it is said."""

MORE_CSS = """
nav ol{columns:2;column-gap:2.5rem;padding-left:0;list-style:none}
nav li{break-inside:avoid;margin:.15rem 0}
iframe{height:38rem;max-width:60rem;margin:auto}
@media (max-width:40rem){iframe{height:24rem}nav ol{columns:1}.scroll td{white-space:normal}}
a{color:var(--accent)}
figure img{display:block;max-width:100%;height:auto;margin:auto}
figure.drawn{overflow-x:auto}figure.drawn img{max-width:none;zoom:.55}
figcaption{margin-top:.5rem;color:var(--mute)}
.wide th{white-space:normal}
.wide td{text-align:left;white-space:normal;overflow-wrap:anywhere}
.wide td:first-child{white-space:nowrap;font-weight:600}
.wide td span{white-space:nowrap}
.behind{border-left:3px solid var(--line);padding-left:1rem;margin:1.2rem 0 0}
.behind h3{font-size:1.05rem;margin:1rem 0 .3rem}
.behind h4{font-size:.95rem;margin:.9rem 0 .2rem}
.needs{color:var(--mute)}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.8rem;
overflow-x:auto;font-size:.85rem}
summary{cursor:pointer}
@media print{.top{display:none}section:not(.behind){break-inside:avoid}a{color:inherit}
iframe{height:30rem}figure.drawn img{max-width:100%;zoom:1}}
"""
